// Who runs next on a CPU. Tasks go before vCPUs, because a guest may be waiting for one; within
// each kind it is first come, first served, and the tick moves the running one to the end. Tasks
// that no portal leads to stand among the vCPUs: nobody waits for them.
#pragma once

#include "kernel/context.h"

struct vcpu;

#define SCHED_STARVED 10 // so many ticks tasks may keep all guests from running; then they go first

// Makes it ready: it will run when its turn comes. Does nothing when it is ready already.
void sched_ready(struct context *context);

// Takes it out of its run queue, if it is in one.
void sched_remove(struct context *context);

// The context to run next, its turn taken; NULL when there is nothing to do but wait.
struct context *sched_next(struct cpu *cpu);

// The context to run next when PREFERRED (or NULL: nobody) was just made able to: PREFERRED at
// once, or, when a task is ready and PREFERRED is a vCPU, after the tasks.
struct context *sched_choose(struct cpu *cpu, struct context *preferred);

// The host's timer fired while CURRENT (NULL: nobody) ran: passes deadlines on, ticks. Returns the
// context to run next.
struct context *sched_timer(struct cpu *cpu, struct context *current);

// Arms the deadline of a vCPU, in ticks of the host's counter.
void sched_deadline(struct vcpu *vcpu, uint64_t deadline);

// Lets a parked vCPU run again at AT, whatever else happens: its own timer fires then.
void sched_wake(struct vcpu *vcpu, uint64_t at);
