#include "guest/gkernel/timer.h"

#include <stddef.h>

#include "guest/clock.h"
#include "guest/gkernel/sched.h"
#include "guest/gkernel/wait.h"

#define TICK UINT64_C(1000000) // ns
#define NEVER UINT64_MAX

static uint64_t tick_at = NEVER;
static uint64_t armed = NEVER; // what the clock is set for
static uint64_t ticks;
static struct thread *sleepers; // by wake_at, the first first

uint64_t timer_now(void) { return clock_nanoseconds(); }

uint64_t timer_ticks(void) { return ticks; }

static void arm(void) {
    uint64_t next = tick_at;
    if (sleepers != NULL && sleepers->wake_at < next)
        next = sleepers->wake_at;
    if (next == armed)
        return;
    armed = next;
    if (next == NEVER)
        clock_stop();
    else
        clock_set_deadline(next);
}

void timer_set_tick(bool on) {
    tick_at = on ? timer_now() + TICK : NEVER;
    arm();
}

void timer_add_sleeper(struct thread *thread) {
    struct thread **at = &sleepers;
    while (*at != NULL && (*at)->wake_at <= thread->wake_at)
        at = &(*at)->next_sleeping;
    thread->next_sleeping = *at;
    *at = thread;
    arm();
}

void timer_remove_sleeper(struct thread *thread) {
    struct thread **at = &sleepers;
    while (*at != NULL && *at != thread)
        at = &(*at)->next_sleeping;
    if (*at == NULL)
        return;
    *at = thread->next_sleeping;
    arm();
}

void timer_interrupt(void) {
    const uint64_t now = timer_now();
    if (tick_at <= now) {
        ticks++;
        // From now, not from the last tick: a guest that was not run for a while does not get all
        // the ticks that it missed.
        tick_at = now + TICK;
        sched_tick();
    }
    while (sleepers != NULL && sleepers->wake_at <= now)
        wait_finish(sleepers, WAIT_TIMED_OUT);
    // The interrupt stays until the clock is set anew.
    armed = 0;
    arm();
}
