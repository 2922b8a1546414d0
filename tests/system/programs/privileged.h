// Instructions that user mode must not execute, for the architecture.
#pragma once

#include <stdint.h>

struct privileged_instruction {
    const char *name;
    uint32_t code;
};

extern const struct privileged_instruction privileged_instructions[];
extern const unsigned privileged_count;

// What ends the process: what Linux sends it on the architecture.
extern const int privileged_signal;

// Goes back to the caller.
extern const uint32_t privileged_return;
