// The floating-point registers of user mode (F and D extensions). The kernel itself uses none.
#pragma once

#include <stdint.h>

struct fp_registers {
    uint64_t f[32];
    uint64_t fcsr;
    uint64_t unused; // a stack pointer behind it stays a multiple of 16
};

// sstatus.FS must not be Off.
void fp_save(struct fp_registers *to);
void fp_load(const struct fp_registers *from);
