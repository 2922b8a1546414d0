// The guest contract, time: a counter and one deadline on it.
#pragma once

#include <stdint.h>

#include "guest/lib/machine.h"

// False when the machine does not say how fast its counter runs.
bool clock_init(const struct machine *machine);

// Since some moment before boot; never goes back.
uint64_t clock_nanoseconds(void);

// TRAP_TIMER follows when the counter passes `nanoseconds`, and repeats until a later deadline is
// set or the clock is stopped.
void clock_set_deadline(uint64_t nanoseconds);
void clock_stop(void);
