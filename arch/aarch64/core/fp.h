// Floating-point registers change hands only when somebody else wants them: a server's first
// instruction of that kind traps (CPTR_EL2.FPEN), and its owner's are saved then. A guest's are
// given back before it is entered, because it does not trap.
#pragma once

#include "kernel/context.h"

struct cpu;

// Makes CONTEXT's floating-point registers those in the hardware.
void fp_take(struct cpu *cpu, struct context *context);

// CONTEXT ends; what it has in the hardware belongs to nobody.
void fp_forget(struct context *context);
