// A guest's CPU. While a server answers its exit, its system registers stay in the hardware
// (cpu->loaded); its general registers are in its context; the pending exit is in `record`.
#pragma once

#include "arch/vcpu_state.h"
#include "ipc/syscall.h"
#include "kernel/context.h"
#include "kernel/record.h"

struct portal;
struct space;

// Who gets the exits of one class, and what the answer may do.
struct route {
    struct portal *portal;
    uint64_t badge;
    uint32_t may;        // enum reply_flag
    uint32_t write_mask; // general registers that a reply may write
    uint32_t read_mask;  // general registers that VCPU_READ shows
    uint32_t simple;     // of `may` and REPLY_FLAGS: what an answer on the short way may consist of
};

// What comes before a vCPU goes on, bits: one question for all of it.
enum vcpu_due {
    DUE_DEADLINE = 1, // its deadline has passed, and nobody has been told yet
    DUE_TURN = 2,     // a tick ended its turn while its exit was pending: others go first
    DUE_WINDOW = 4,   // a WINDOW exit, which the architecture knows the words of
};

struct vcpu {
    struct context context; // first
    // What the assembly path reads: the portal of hypercalls, NULL when each must take the long
    // way (no such right, or tracing is on); the info word; the badge.
    struct portal *fast_portal;
    uint64_t fast_info;
    uint64_t fast_badge;
    uint64_t deadline; // in ticks of the host's counter; DEADLINE_NEVER: none
    uint64_t wake;     // while parked, with VCPU_FEATURE_TIMER: when its own timer fires
    uint64_t passed;   // while DUE_DEADLINE: the deadline that has passed
    uint64_t output;   // the number of the last VCPU_INTERRUPT
    struct record record;
    struct space *space;
    struct vcpu *next_home; // in the list of its CPU
    uint8_t state;          // enum vcpu_state
    union {
        struct {
            uint8_t due;     // enum vcpu_due
            uint8_t tracing; // exits are timed
        };
        uint16_t detained; // either: no answer takes the short way
    };
    uint8_t preempted; // it is queued first because a task had to run: its turn is not over
    uint8_t number;    // in its VM
    uint32_t tick_age; // for how many ticks the exit tick_seq has been pending
    uint64_t tick_seq;
    uint64_t features;         // enum vcpu_feature
    uint64_t trace_begin;      // instructions counted at the exit being answered
    const struct route *taken; // while a task's `exit` is this vCPU: the route of that exit
    struct route route[EXIT_GUEST_CLASSES];
    uint64_t count[EXIT_GUEST_CLASSES]; // HYPERCALL's stands in record.seq less all others
    uint64_t spent[EXIT_GUEST_CLASSES]; // instructions, while tracing
    struct arch_vcpu arch;
    struct fp_regs fp;
};

static inline struct vcpu *vcpu_of(struct context *context) {
    return container_of(context, struct vcpu, context);
}

void vcpu_init(struct vcpu *vcpu, struct space *space, uint8_t number, struct cpu *cpu);

// Starts it from reset state. BUSY when it is not off.
NODISCARD enum status vcpu_start(struct vcpu *vcpu, uint64_t pc, uint64_t argument0,
                                 uint64_t argument1);

// It is not entered again; a pending exit is forgotten.
void vcpu_stop(struct vcpu *vcpu);

// What a parked vCPU waits for has come: lets it run again.
void vcpu_unpark(struct vcpu *vcpu);

// Something may have come that it waits for, or that is to be told of it while it is parked: an
// exit that is due leaves it so until the answer, which may park it once more.
void vcpu_look_again(struct vcpu *vcpu);

// Exits of class C so far.
uint64_t vcpu_count(const struct vcpu *vcpu, enum exit_class c);

// The route has changed, or tracing: may the assembly path forward its hypercalls?
void vcpu_update_fast(struct vcpu *vcpu);
