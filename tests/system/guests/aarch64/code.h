// Instructions that a guest makes up while it runs, and what becomes of each.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CODE_RET 0xd65f03c0u
// MRS and MSR of any system register, which need not have a name (Arm DDI 0487, C5.1.2), with x0;
// SYS has op0 1.
#define CODE_SYSTEM(read, op0, op1, crn, crm, op2)                                                 \
    (0xd5000000u | (uint32_t)(read) << 21 | (op0) << 19 | (op1) << 16 | (crn) << 12 | (crm) << 8 | \
     (op2) << 5)

// Instructions that are put into memory together: that is dear, executing one is not.
#define CODE_AT_ONCE 512

// Writes the instructions down, each followed by a return. At most CODE_AT_ONCE.
void code_write(const uint32_t *instruction, unsigned count);

struct code_trap {
    unsigned count;
    uint64_t syndrome;
    uint64_t value; // x0 behind it
};

// Executes number `which` of them at EL1, with x0 to x3 pointing to memory that may be accessed. A
// trap goes on behind it.
struct code_trap code_run(unsigned which);

// Where number `which` is.
uint64_t code_place(unsigned which);
