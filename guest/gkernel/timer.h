// The tick: what takes the CPU back from those who do not give it.
#pragma once

#include <stdint.h>

// Nanoseconds, never going back.
uint64_t timer_now(void);

void timer_start_tick(void);
void timer_stop_tick(void);

// From the trap.
void timer_interrupt(void);

// How many ticks there were.
uint64_t timer_ticks(void);
