// Floating-point registers change hands only when somebody else wants them: a server's first
// floating-point instruction traps (sstatus.FS is off for it), and its owner's are saved then. A
// guest's are given back before it is entered, because its own traps of that kind are delegated to
// it (hedeleg).
#pragma once

#include "kernel/context.h"

struct cpu;

// Makes CONTEXT's floating-point registers those in the hardware.
void fp_take(struct cpu *cpu, struct context *context);

// CONTEXT ends; what it has in the hardware belongs to nobody.
void fp_forget(struct context *context);
