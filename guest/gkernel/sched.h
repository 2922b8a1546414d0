// Who runs: the threads that can, by CFS, on one CPU; the idle loop when nobody can. Interrupts are
// off in every function.
#pragma once

#include <stdbool.h>

#include "guest/gkernel/thread.h"

struct thread *sched_current(void);

// `first` is what runs.
void sched_init(struct thread *first);

// A new thread, which the running one has made, gets its place in the queue.
void sched_start(struct thread *thread);

// The running thread's state is no longer READY: another runs. Comes back when it is READY and its
// turn has come, and not at all if its slot is free.
void sched_block(void);

// A blocked thread can run again.
void sched_wake(struct thread *thread);

// The running thread stands back behind all others for one turn.
void sched_yield_cpu(void);

void sched_set_nice(struct thread *thread, int nice);

// CPU time of a thread in nanoseconds, up to now.
uint64_t sched_time(const struct thread *thread);

// From the timer. Whether somebody else should run is remembered until sched_preempt().
void sched_tick(void);

// At the end of a trap: gives the CPU away if that is due.
void sched_preempt(void);
