// A second CPU, as PSCI's CPU_ON starts it (Arm DEN 0022, §5.6).
#pragma once

#include <stdint.h>

// Where it is to begin, so that it goes on in MAIN, which does not return, on a stack of its own,
// with CPU_ON's context. One CPU at a time.
uint64_t second_entry(void (*main)(uint64_t context));
