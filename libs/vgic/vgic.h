// A virtual interrupt controller, but for its CPU interface, which is the hardware's, by list
// registers. Either
//
// - a GICv3: the distributor and the redistributors of one VM (Arm IHI 0069, chapters 4, 5 and 12).
//   One security state (GICD_CTLR.DS = 1), affinity routing always on, Group 1 only: an interrupt
//   that the guest leaves in Group 0 stays pending. No LPIs. Or
// - a GICv2: its distributor, whose registers of private interrupts are banked (Arm IHI 0048,
//   chapters 3 and 4). Without the Security Extensions, so that both groups are the guest's.
//
// The machine is a pure function over words in a server's state region. Inputs: accesses to the
// frames, writes of ICC_SGI1R_EL1, device lines, "this vCPU has ended that interrupt".
// Outputs (vgic_next), each with a number that grows by one: "raise it there", "take it back", "the
// timer expires like this from now on".
//
// Which state is where
//
// - Here, in struct vgic_state: whatever the registers show, which interrupts were given to whose
//   list registers, and what was said of the timers.
// - In the list registers, which the core owns: what was given, pending, active or both. The guest
//   acknowledges and ends interrupts there without anybody's noticing, so this side asks (`look`)
//   where it matters. An interrupt is never pending in both places: giving moves the latch, taking
//   back moves it again.
// - In the device, or whoever plays it: the level of its line. The virtual timer's is the
//   machine's: the core raises that interrupt by itself, as was said here (VGIC_SET_TIMER).
//
// What is due follows from the state alone: pending, enabled and not given means to give; given and
// not to be delivered any more means to take back. So nothing is lost if a server dies with outputs
// left: the next one finds them due. That nothing is doubled is the numbers' part: the core does an
// output whose number it has seen no second time, and only the last one can be in doubt.
//
//   an exit that has not been served before: change the state (vgic_..._write, vgic_sgi, ...);
//       vgic_next; keep the exit's sequence number; state_commit; give the output to the core;
//       while vgic_next: state_commit, give; answer
//   a server that takes over: vgic_open; give vgic_last again; while vgic_next: state_commit, give
//
// An output is part of the same commit as what caused it: whoever finds the state, finds in it what
// may not have been given yet. It must be given before anything is looked at.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "ipc/limits.h"
#include "libs/state/state.h"

#define VGIC_VCPUS 16 // number N has affinity 0.0.0.N
#define VGIC_V2_VCPUS 8
#define VGIC_SPIS 64
#define VGIC_SGIS 16    // INTIDs below are SGIs
#define VGIC_PRIVATE 32 // INTIDs below are each vCPU's own: 16 SGIs, 16 PPIs
#define VGIC_INTIDS (VGIC_PRIVATE + VGIC_SPIS)
#define VGIC_TIMER 27 // the virtual timer's PPI: backed by the machine's own

#define VGIC_DISTRIBUTOR_SIZE 0x10000u
#define VGIC_REDISTRIBUTOR_SIZE 0x20000u // of one vCPU; they follow one another

// Every interrupt of every vCPU has a place: vCPU 0's 32, vCPU 1's 32, …, the SPIs.
#define VGIC_PLACES (VGIC_VCPUS * VGIC_PRIVATE + VGIC_SPIS)
#define VGIC_WORDS (VGIC_PLACES / 64)

static_assert(VGIC_VCPUS >= LIMITS_VCPUS_GICV3 && VGIC_V2_VCPUS >= LIMITS_VCPUS_GICV2,
              "a VM that the manifest accepts has a place here for each vCPU");

enum vgic_version { VGIC_V2 = 2, VGIC_V3 = 3 };

struct vgic_bits {
    uint64_t word[VGIC_WORDS];
};

struct vgic_state {
    uint64_t enabled; // the groups that GICD_CTLR enables: VGIC_GROUP1, VGIC_GROUP0
    uint64_t asleep;  // GICR_WAKER.ProcessorSleep: a bit for each vCPU. Nobody, of a GICv2
    uint64_t number;  // of the last output
    struct vgic_bits group;
    struct vgic_bits enable;
    struct vgic_bits edge;   // else level-sensitive, as which a GICv2's SGIs count (sgi.h)
    struct vgic_bits latch;  // pending by an edge, an SGI or ISPENDR, and not given
    struct vgic_bits line;   // the device asserts it
    struct vgic_bits given;  // may be in a list register
    struct vgic_bits moved;  // the latch that was given
    struct vgic_bits active; // by ISACTIVER; what the guest acknowledged is in the list register
    struct vgic_bits drop;   // ICACTIVER meant one that is in a list register
    uint64_t priority[VGIC_PLACES / 8]; // bytes
    union {
        uint64_t route[VGIC_SPIS / 2];                       // GICD_IROUTER's lower halves
        struct {                                             // of a GICv2
            uint64_t targets[VGIC_SPIS / 8];                 // bytes: GICD_ITARGETSR
            uint64_t senders[VGIC_V2_VCPUS * VGIC_SGIS / 8]; // bytes: of each vCPU's SGIs, latched
            uint64_t sender[VGIC_V2_VCPUS]; // four bits: who sent what was given to it last
        };
    };
    uint64_t holder[VGIC_SPIS / 8]; // bytes: the vCPU that an SPI was last given to
    uint64_t timer[VGIC_VCPUS / 8]; // bytes: what the core was told of each vCPU's timer
    uint64_t last;                  // the last output, but for its number
};

// `enabled`.
enum { VGIC_GROUP1 = 1, VGIC_GROUP0 = 2 };

static_assert(2 * sizeof(struct vgic_state) + STATE_SLOTS_AT <= 4096, "a page has room for both");

// What a list register holds of an interrupt, as bits.
enum { VGIC_PENDING = 1, VGIC_ACTIVE = 2 };

// Says that of INTID in vCPU's list registers. The vCPU does not run between being looked at and
// being given what follows from it: where it did, an interrupt that it took meanwhile, and that is
// taken back, would come to it once more.
typedef unsigned vgic_look(void *context, unsigned vcpu, unsigned intid);

// A server's hold on the machine. None of it outlives the server.
struct vgic {
    struct state *state;
    uint32_t at; // where the struct vgic_state is in the slots
    enum vgic_version version;
    uint32_t vcpus;
    uint32_t due; // words of places in which an output may be due: a bit for each
    vgic_look *look;
    void *context;
};

enum vgic_effect {
    VGIC_NONE,
    VGIC_RAISE,      // make INTID pending in the vCPUs' list registers; it may be there already
    VGIC_TAKE_BACK,  // make it not pending there; it stays active if it is
    VGIC_DEACTIVATE, // make it not active there; it stays pending if it is
    VGIC_SET_TIMER,  // the timer's interrupt, when it is asserted, is INTID with that priority from
                     // now on; INTID 0: it is not forwarded, and not pending any more if it was
};

struct vgic_output {
    enum vgic_effect effect;
    uint8_t intid;
    uint8_t priority; // as in GICD_IPRIORITYR: 0 is the highest, the low three bits are 0
    bool notify;      // RAISE: report when no list register holds it any more (vgic_ended)
    bool group0;      // RAISE, SET_TIMER: else in Group 1
    uint8_t sender;   // RAISE, of a GICv2's SGI: the vCPU that sent it
    uint16_t vcpus;   // a bit for each
    uint64_t number;
};

// The state after a reset, for state_layout's `initial` or a part of it.
void vgic_reset(struct vgic_state *initial, enum vgic_version version);

// Takes hold of the machine of that VERSION with VCPUS vCPUs (from 1 to VGIC_VCPUS, VGIC_V2_VCPUS)
// whose state is AT bytes into STATE's slots.
void vgic_open(struct vgic *vgic, enum vgic_version version, struct state *state, uint32_t at,
               uint32_t vcpus, vgic_look *look, void *context);

// Accesses of SIZE bytes (1, 2, 4, 8) to the frame of a GICv3's distributor, or to those of its
// redistributors; or by VCPU to that of a GICv2's distributor. What is not there, or not in that
// size or at that alignment, reads as zero and ignores writes, as chapter 12.1 allows (IHI 0048:
// 4.1.3, 4.1.4). Reads change nothing.
uint64_t vgic_distributor_read(const struct vgic *vgic, uint64_t offset, unsigned size);
void vgic_distributor_write(struct vgic *vgic, uint64_t offset, unsigned size, uint64_t value);
uint64_t vgic_redistributor_read(const struct vgic *vgic, uint64_t offset, unsigned size);
void vgic_redistributor_write(struct vgic *vgic, uint64_t offset, unsigned size, uint64_t value);
uint64_t vgic_banked_read(const struct vgic *vgic, unsigned vcpu, uint64_t offset, unsigned size);
void vgic_banked_write(struct vgic *vgic, unsigned vcpu, uint64_t offset, unsigned size,
                       uint64_t value);

// vCPU writes VALUE to ICC_SGI1R_EL1 (chapter 12.2). Of its brothers for the other groups nothing
// comes, since a guest gets no interrupt of those. GICv3 only.
void vgic_sgi(struct vgic *vgic, unsigned vcpu, uint64_t value);

// A device's line has that LEVEL now. INTID is an SPI, or a PPI of VCPU's other than the timer's;
// all others are ignored.
void vgic_line(struct vgic *vgic, unsigned intid, unsigned vcpu, bool level);

// vCPU has ended INTID, and its list registers do not hold it any more.
void vgic_ended(struct vgic *vgic, unsigned vcpu, unsigned intid);

// The next output that is due; false: none. The state says from now on that it was done.
bool vgic_next(struct vgic *vgic, struct vgic_output *output);

// The last output that there was; VGIC_NONE: none ever.
struct vgic_output vgic_last(const struct vgic *vgic);
