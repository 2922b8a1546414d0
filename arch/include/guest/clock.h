// The guest contract, time: a counter, one deadline on it, and the time of day. platform_init()
// has started it.
#pragma once

#include <stdint.h>

// Nanoseconds since some moment before boot; never goes back.
uint64_t clock_nanoseconds(void);

// TRAP_TIMER follows when the counter passes `nanoseconds`, and may come before, where the timer
// can't wait so long. Until another deadline is set or the clock is stopped it may come again and
// again.
void clock_set_deadline(uint64_t nanoseconds);
void clock_stop(void);

// Nanoseconds since 1970-01-01 00:00:00 UTC: by the real-time clock, which is read each time when
// it counts nanoseconds, and once when it counts seconds; without one, clock_nanoseconds().
uint64_t clock_time_of_day(void);
