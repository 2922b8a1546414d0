// Time: the time-stamp counter, and the local APIC's timer, both measured at boot.
#pragma once

#include <stdint.h>

// Measures them. Returns the counter's ticks a second.
uint64_t time_init(void);
