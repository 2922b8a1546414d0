// The guest contract, time: a counter, one deadline on it, and the time of day.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/lib/machine.h"

// `rtc` is where the registers of the machine's real-time clock are mapped, NULL when it has none
// (machine.rtc). False when the machine does not say how fast its counter runs.
bool clock_init(const struct machine *machine, const volatile void *rtc);

// Nanoseconds since some moment before boot; never goes back.
uint64_t clock_nanoseconds(void);

// TRAP_TIMER follows when the counter passes `nanoseconds`, and repeats until a later deadline is
// set or the clock is stopped.
void clock_set_deadline(uint64_t nanoseconds);
void clock_stop(void);

// Nanoseconds since 1970-01-01 00:00:00 UTC, read from the real-time clock each time; without one,
// clock_nanoseconds().
uint64_t clock_time_of_day(void);
