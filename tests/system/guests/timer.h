// The timer as the test guests use it, and the counter that it compares with. Interrupts stay off
// but while one is waited for.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/lib/machine.h"

// Interrupts taken so far; counted by the guests' trap function, which also disarms the timer.
extern volatile unsigned timer_taken;

// Before anything else here: the timer's interrupt can reach this CPU.
void timer_begin(void);

// The counter, and its ticks a second.
uint64_t timer_now(void);
uint64_t timer_second(const struct machine *machine);

// The machine's ways to have a timer, by number: arms by that one from now on, and returns its
// name; NULL when there are no more. Number 0 is what is used when nothing was said.
const char *timer_use(const struct machine *machine, unsigned way);

// Arms for `deadline`, UINT64_MAX for never.
void timer_arm(uint64_t deadline);

// Waits until the interrupt comes. It must come, at or after the deadline.
bool timer_wait(uint64_t deadline);

// Waits for so many ticks without taking the interrupt. For any CPU that has begun with it.
void timer_doze(uint64_t ticks);
