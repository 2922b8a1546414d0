// A PC's real-time clock, the MC146818.
#pragma once

#include <stdint.h>

// Seconds since 1970-01-01 00:00:00, if the clock shows UTC; 0 when there is no clock.
uint64_t rtc_read(void);
