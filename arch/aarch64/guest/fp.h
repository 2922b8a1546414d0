// The floating-point and SIMD registers of user mode. The kernel itself uses none.
#pragma once

#include <stdint.h>

struct fp_registers {
    unsigned __int128 v[32];
    uint64_t fpcr, fpsr;
};

// Let nothing of them trap.
void fp_init(void);

void fp_save(struct fp_registers *to);
void fp_load(const struct fp_registers *from);
