// Instructions that may trap, one at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86_64/guest/frame.h"

extern uint64_t try_trapped; // vector of the last one, plus one; 0: none
extern uint64_t try_skip;    // bytes of the instruction that is tried; 0: none is

// For bare_trap(): true when FRAME is of an instruction that is tried, which is then skipped.
bool try_take(struct trap_frame *frame);

// For those who expect no other trap: says so and ends the machine.
_Noreturn void try_unexpected(const struct trap_frame *frame);

// Executes INSTRUCTION, of so many bytes, with the inputs behind it. Its vector, or -1.
#define TRY(bytes, instruction, ...)                                                               \
    ({                                                                                             \
        try_trapped = 0;                                                                           \
        try_skip = (bytes);                                                                        \
        __asm__ volatile(instruction ::__VA_ARGS__ : "memory", "cc");                              \
        try_skip = 0;                                                                              \
        try_trapped == 0 ? -1 : (int)try_trapped - 1;                                              \
    })

// Checks that.
void try_expect(int got, int wanted, const char *what);
