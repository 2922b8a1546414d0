// Floating-point registers change hands only when somebody else wants them: a server's first
// instruction of that kind traps (CR0.TS), and its owner's are saved then. A guest's are given back
// before it is entered, because it does not trap: its CR0 is its own.
#pragma once

#include "kernel/context.h"

struct cpu;

// Makes CONTEXT's floating-point registers those in the hardware. They trap still, but for a task
// that the vectors enter next.
void fp_take(struct cpu *cpu, struct context *context);

// CONTEXT ends; what it has in the hardware belongs to nobody.
void fp_forget(struct context *context);

// Those of a CPU that was just reset.
void fp_reset(struct fp_regs *regs);
