// The host's counter and its one timer.
#pragma once

#include <stdint.h>

#include "arch/tick.h" // ARCH_TICK: the length of a tick, in ticks of the counter

// Now, in ticks of the counter.
uint64_t arch_now(void);

// Instructions executed so far by this CPU, as far as the machine counts them.
uint64_t arch_instructions(void);

// Interrupts this CPU when the counter reaches DEADLINE (DEADLINE_NEVER: not at all).
void arch_timer_set(uint64_t deadline);
