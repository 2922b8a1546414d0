// The C side of the exception vectors (vector.S). Whoever is to run next is returned; NULL: nobody,
// and the vectors then call trap_idle.
#pragma once

#include "kernel/object/task.h"
#include "kernel/object/vcpu.h"

// CONTEXT, all registers saved, came for the reason SYNDROME (ESR_EL2), with ADDRESS (FAR_EL2).
struct context *trap_handle(struct context *context, uint64_t syndrome, uint64_t address);

// A physical interrupt came while CONTEXT ran.
struct context *trap_interrupt(struct context *context);

// CPU waits until an interrupt makes something ready.
struct context *trap_idle(struct cpu *cpu);

// VCPU is to run, but its system or floating-point registers are not in the hardware, or it comes
// back from an exit of AArch32's.
void trap_load_guest(struct vcpu *vcpu);

// The core itself trapped, at PC: the end.
_Noreturn void trap_core(uint64_t pc);
