// The C side of the trap vector (vector.S).
#pragma once

#include "kernel/object/task.h"

// CONTEXT, all registers saved, trapped for CAUSE (scause) with VALUE (stval). Returns who runs.
struct context *trap_handle(struct context *context, uint64_t cause, uint64_t value);

// TASK made system call NUMBER. Returns who runs; TASK itself with context.quick set when the call
// returns at once.
struct context *trap_syscall(struct task *task, uint64_t number);

// Makes the hardware ready for NEXT, or waits until there is one.
struct context *trap_leave(struct cpu *cpu, struct context *next);
