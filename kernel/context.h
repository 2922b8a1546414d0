// What a CPU can run: a task or a vCPU. Both begin with a context, whose first member is where the
// trap vector saves registers.
#pragma once

#include "arch/regs.h"
#include "kernel/types.h"

struct cpu;

enum context_kind { CONTEXT_TASK, CONTEXT_VCPU, CONTEXT_CORE };

enum queued { QUEUED_NOT, QUEUED_TASKS, QUEUED_VCPUS };

struct context {
    struct regs regs;     // first: the trap vector's save area
    struct cpu *cpu;      // where it runs; the trap vector finds the CPU by it
    uint8_t kind;         // enum context_kind
    uint8_t queued;       // enum queued: in which run queue it stands
    uint8_t quick;        // the system call it made returns at once: its callee-saved registers
                          // are still in the hardware
    struct context *next; // in the run queue
    struct context *prev;
};
