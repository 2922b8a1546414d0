// What the test guests ask of their firmware, whichever that is.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// A call that is answered at once, and by another value only when the firmware is another version.
uint64_t firmware_version(void);

// Another CPU begins in `main`, on a stack of its own: one at a time. Returns the firmware's error,
// 0 for none.
int64_t firmware_start(uint64_t cpu, void (*main)(void));

// Ends the CPU that calls it.
_Noreturn void firmware_stop(void);

bool firmware_is_on(uint64_t cpu);
bool firmware_is_off(uint64_t cpu);
