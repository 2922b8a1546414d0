#include "guest/gkernel/timer.h"

#include "guest/clock.h"
#include "guest/gkernel/process.h"

#define TICK UINT64_C(1000000) // ns

static uint64_t ticks;

uint64_t timer_now(void) { return clock_nanoseconds(); }

uint64_t timer_ticks(void) { return ticks; }

void timer_start_tick(void) { clock_set_deadline(timer_now() + TICK); }

void timer_stop_tick(void) { clock_stop(); }

void timer_interrupt(void) {
    ticks++;
    // From now, not from the last deadline: a guest that was not run for a while does not get all
    // the ticks that it missed.
    timer_start_tick();
    process_tick();
}
