// The C side of the trap vector (vector.S). Whoever is to run next is returned; NULL: nobody, and
// the vector then calls trap_idle. What the hardware needs for it, the vector does, with the help
// of trap_show_guest and trap_load_guest where it is more than an address space.
#pragma once

#include "kernel/object/task.h"
#include "kernel/object/vcpu.h"

// CONTEXT, all registers saved, trapped for CAUSE (scause) with VALUE (stval).
struct context *trap_handle(struct context *context, uint64_t cause, uint64_t value);

// TASK answers, its words saved, with FLAGS (SYSCALL_REPLY_WAIT).
struct context *trap_reply(struct task *task, uint64_t flags);

// Waits until an interrupt makes something ready.
struct context *trap_idle(struct cpu *cpu);

// TASK, which has that right, is to run: lets its guest loads (hlv) go through the tables, and with
// the rights, of the guest whose exit it serves.
void trap_show_guest(struct task *task);

// VCPU is to run, but its system or floating-point registers are not in the hardware.
void trap_load_guest(struct vcpu *vcpu);
