// The fake machine: one CPU, a little memory, a timer, an interrupt controller, and no time of its
// own. A test sees and sets everything; whatever the core asks of the hardware is counted here.
//
// As on real hardware, the registers of what runs are in the CPU, not in its context; so are the
// system registers of the vCPU that ran last (cpu->loaded). What does not belong there at a
// given moment is stale, here as there.
#pragma once

#include "arch/vcpu_state.h"
#include "kernel/cpu.h"

#define MACHINE_MEMORY_BASE 0x10000000ull // physical address of the memory's first byte

struct machine_line {
    bool enabled;
    bool asserted; // the device wants attention
    bool taken;    // by the core, which has not completed it yet
    unsigned completed;
};

enum machine_end { MACHINE_ON, MACHINE_OFF, MACHINE_FAILED };

struct machine {
    enum machine_end end;
    char *memory;
    uint64_t memory_size;
    struct cpu *cpu;
    struct context *current;    // NULL: the CPU sleeps
    struct regs regs;           // of current
    uint64_t root;              // the address space that tasks run in (task.translation)
    struct arch_vcpu guest;     // of cpu->loaded
    bool fast;                  // the shortest ways are taken where they can be
    unsigned fast_calls;        // hypercalls that went that way
    unsigned fast_answers;      // and their answers
    unsigned fast_replies;      // answers to calls
    struct space *guest_memory; // what a task with that right reads through just now

    uint64_t now;
    uint64_t instructions;
    uint64_t timer;
    unsigned timer_sets;

    struct machine_line line[IRQ_LINES];

    unsigned space_fences;
    struct space *fenced_space; // the last one
    uint64_t fenced_address;
    unsigned vcpu_fences[64]; // by number in the VM
};

extern struct machine machine;

// A machine with SIZE bytes of memory, and CPU as its CPU, both cleared.
void machine_reset(uint64_t size, struct cpu *cpu);

void machine_free(void);

// The system registers of VCPU, wherever they are.
struct arch_vcpu *machine_guest(struct vcpu *vcpu);

// The core, or a test, asked for something that can't be.
#define machine_require(condition, message)                                                        \
    ((condition) ? (void)0 : arch_panic(message, (unsigned long)__LINE__))
