// What the test guests share: counted checks, the machine they run on, and which case was asked for
// on the command line (case=NAME).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/bare.h"
#include "guest/lib/machine.h"

// True when the command line says case=`name`, or says nothing and `is_default`.
bool check_case(const struct machine *machine, const char *name, bool is_default);

// Counts one check; says `FAILED: what` when it does not hold.
__attribute__((format(printf, 2, 3))) void check(bool holds, const char *what, ...);

// Prints `NAME: N checks passed`, or how many failed, and returns which.
bool check_end(const char *name);

// The same numbers in every run (xorshift64*).
uint64_t check_random(void);
