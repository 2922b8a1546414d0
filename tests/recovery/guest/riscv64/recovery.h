// What the parts for riscv64 share.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/recovery/guest/recovery.h"

// Calls the firmware and mixes both results.
void ask(uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1, uint64_t a2);

// Sleeps until a software interrupt has come, which is taken as one or only seen pending.
void sleep_software(bool as_interrupt);
