// A virtual GIC whose state is in a server's state region, list registers and timers as the core
// would keep them, and guests that acknowledge and end interrupts there. The server may die
// wherever the owner's protocol (libs/vgic/vgic.h) lets it.
#pragma once

#include "libs/vgic/vgic.h"

#define WORLD_LR_PENDING VGIC_PENDING
#define WORLD_LR_ACTIVE VGIC_ACTIVE

#define WORLD_FORWARDED 1u
#define WORLD_GROUP0 2u

struct world_lr {
    unsigned state;
    unsigned priority;
    bool notify;
    bool group0;
    unsigned sender;
};

struct world {
    struct vgic vgic;
    struct state state;
    struct world_lr lr[VGIC_VCPUS][VGIC_INTIDS]; // no fewer than there can be interrupts
    struct vgic_output last;                     // the last output that was done
    unsigned outputs;                            // done so far
    unsigned looks;
    // What the core has: of each vCPU the number of the last output that it has seen, what it was
    // told of the timer, as a priority with WORLD_FORWARDED and WORLD_GROUP0, and whether the timer
    // is asserted.
    uint64_t number[VGIC_VCPUS];
    unsigned timer[VGIC_VCPUS];
    bool asserted[VGIC_VCPUS];
    // Says whether the server dies now; NULL: never.
    bool (*dies)(void);
    unsigned deaths;
};

extern struct world world;

// A new machine, after a reset: a GICv3, whose redistributors are asleep, or a GICv2.
void world_begin(unsigned vcpus);
void world_begin_v2(unsigned vcpus);

// Ends the program with a line when CONDITION does not hold.
#define world_require(condition, ...) world_check(condition, #condition, __FILE__, __LINE__)
void world_check(bool condition, const char *text, const char *file, int line);

// What changes the machine. Each is an exit, which the server answers; all that is due is done.
void world_distributor(unsigned offset, unsigned size, uint64_t value);
void world_redistributor(unsigned vcpu, unsigned offset, unsigned size, uint64_t value);
void world_banked(unsigned vcpu, unsigned offset, unsigned size, uint64_t value);
void world_sgi(unsigned vcpu, uint64_t value);
void world_line(unsigned intid, unsigned vcpu, bool level);

// vCPU's timer is asserted, or is not. One that is pending in a list register stays so.
void world_timer(unsigned vcpu, bool asserted);

// The register at that offset.
uint32_t world_read(unsigned offset);
uint32_t world_read_own(unsigned vcpu, unsigned offset);
uint32_t world_read_banked(unsigned vcpu, unsigned offset);

// vCPU acknowledges its pending interrupt of the highest priority; returns its INTID, or
// WORLD_SPURIOUS. And ends it.
#define WORLD_SPURIOUS 1023
unsigned world_acknowledge(unsigned vcpu);
void world_end(unsigned vcpu, unsigned intid);

// The vCPUs that could acknowledge INTID now: a mask.
uint32_t world_pending(unsigned intid);

// The usual beginning of a guest: everything in Group 1, and awake.
void world_start(void);
