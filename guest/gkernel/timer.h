// Time: the tick, which takes the CPU back from those who do not give it, and sleepers. The clock
// is set for whatever comes first, and for nothing when all wait for something else.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/gkernel/thread.h"

// Nanoseconds since some moment before boot, never going back.
uint64_t timer_now(void);

// Whether the tick is needed: not while the CPU is idle.
void timer_set_tick(bool on);

// wait_finish(thread, WAIT_TIMED_OUT) is called when thread->wake_at has come.
void timer_add_sleeper(struct thread *thread);

// Nothing happens if it is none.
void timer_remove_sleeper(struct thread *thread);

// From the trap.
void timer_interrupt(void);

// How many ticks there were.
uint64_t timer_ticks(void);
