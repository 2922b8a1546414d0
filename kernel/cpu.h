// All that belongs to one physical CPU. Nothing else in the core is global but the pool.
#pragma once

#include "kernel/context.h"
#include "kernel/object/cap.h"
#include "kernel/types.h"

struct irq;
struct task;
struct vcpu;

#define IRQ_LINES 128 // physical lines that one interrupt controller may have

// A FIFO of contexts that are ready to run.
struct run_queue {
    struct context *head;
    struct context *tail;
};

struct cpu {
    struct context core; // where the core's own trap, which is a bug in it, saves its registers
    uint64_t stack_top;
    // The vCPU whose hypercall the assembly path has just forwarded: its record is not written
    // down yet (forward_settle does that, should anything but the answer come next).
    struct vcpu *fast;
    // The vCPU that can be entered with the hardware as it is: loaded, with its floating-point
    // registers and its counters. The architecture sets it, and `core` in its place (never NULL,
    // which "nobody is to run" would be equal to) when one of these is no longer so, or the way
    // into it is not the shortest.
    struct context *ready;
    struct vcpu *loaded;    // whose system registers are in the hardware
    struct context *fp;     // whose floating-point registers are in the hardware
    struct run_queue tasks; // servers go before guests: whoever answers exits must not wait
    struct run_queue vcpus; // guests, and tasks that nobody waits for (sched.c)
    struct vcpu *alone;     // the vCPU that lives on this CPU, when there is just one
    struct vcpu *home;      // the list of all vCPUs that live on this CPU (vcpu.next_home)
    uint64_t next_event;    // when the host's timer is to fire, in ticks of the counter
    uint64_t next_tick;
    uint32_t starved; // for how many ticks tasks have kept every vCPU from running
    struct cap later; // a portal that is signalled at the next tick
    uint32_t id;
    struct irq *irq[IRQ_LINES];
    bool borrowed; // a task has the counters that the loaded guest switched off (arch)
};
