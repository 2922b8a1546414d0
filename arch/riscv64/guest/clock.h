// How platform.c starts the clock (guest/clock.h).
#pragma once

#include <stdbool.h>

#include "guest/lib/machine.h"

// `rtc`: the registers of a google,goldfish-rtc, or NULL. False when the machine does not say how
// fast its counter runs.
bool clock_init(const struct machine *machine, const volatile void *rtc);
