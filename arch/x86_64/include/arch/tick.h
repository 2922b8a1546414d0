// The host's tick (contract: ARCH_TICK): 10 ms of the time-stamp counter, whose frequency is
// measured at boot.
#pragma once

#include <stdint.h>

extern uint64_t time_tick;

#define ARCH_TICK time_tick
