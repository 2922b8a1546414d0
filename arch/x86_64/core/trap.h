// The C side of the vectors (vector.S). Whoever is to run next is returned; NULL: nobody, and the
// vectors then call trap_idle.
#pragma once

#include "kernel/object/task.h"
#include "kernel/object/vcpu.h"

// VCPU has exited with CODE; its general registers, RIP among them, are saved.
struct context *trap_guest(struct vcpu *vcpu, uint64_t code);

// CONTEXT, a task, trapped or was interrupted: all of its registers are saved.
struct context *trap_task(struct context *context);

// Waits until an interrupt makes something ready.
struct context *trap_idle(void);

// VCPU is to run, but not all of it is in the hardware.
void trap_load_guest(struct vcpu *vcpu);

// The core itself trapped: the end.
_Noreturn void trap_core(uint64_t vector, uint64_t pc);
