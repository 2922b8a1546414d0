// The C side of the vectors (vector.S). Whoever is to run next is returned; NULL: nobody, and the
// vectors then call trap_idle.
#pragma once

#include "kernel/object/task.h"
#include "kernel/object/vcpu.h"

// The answers to CPUID and to WRMSR that take the shortest way.
#define TRAP_ANSWER_RESULT ((uint64_t)REPLY_FLAGS | REPLY_ADVANCE | REPLY_RESULT)
#define TRAP_ANSWER_DEADLINE ((uint64_t)REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE)

// On these two ways the vectors need no register kept.
#define FROM_VECTOR __attribute__((preserve_none))

// VCPU has exited with CODE; its general registers, RIP among them, are saved.
FROM_VECTOR struct context *trap_guest(struct vcpu *vcpu, uint64_t code);

// commit_effects; the words are in the order of the registers that they are in.
FROM_VECTOR struct context *trap_effects(uint64_t, struct task *, uint64_t, uint64_t, uint64_t,
                                         uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

// CONTEXT, a task, trapped or was interrupted: all of its registers are saved.
struct context *trap_task(struct context *context);

// Waits until an interrupt makes something ready.
struct context *trap_idle(void);

// VCPU is to run, but not all of it is in the hardware.
void trap_load_guest(struct vcpu *vcpu);

// The core itself trapped: the end.
_Noreturn void trap_core(uint64_t pc);
