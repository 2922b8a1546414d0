// The way of an exit to its server.
#pragma once

#include "ipc/exit.h"
#include "kernel/cpu.h"
#include "kernel/object/task.h"

struct vcpu;

// The exit of VCPU in class C is complete in its record's words (a HYPERCALL's are its registers).
// Sends it and returns the context to run next, or NULL.
struct context *forward_exit(struct vcpu *vcpu, enum exit_class c, uint32_t mode);

// Sends the exit that is due before the vCPU goes on (enum vcpu_due). Returns the server when it
// was waiting.
struct task *forward_due(struct vcpu *vcpu);

void forward_settle_slow(struct cpu *cpu);

// Whoever enters the core otherwise than by the answer to a hypercall that went the assembly path
// calls this first: it writes the forwarded record down.
static inline void forward_settle(struct cpu *cpu) {
    if (cpu->fast) {
        forward_settle_slow(cpu);
    }
}
