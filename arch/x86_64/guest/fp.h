// The x87 and SSE registers of user mode. The kernel itself uses none.
#pragma once

#include <stdint.h>

// As FXSAVE has them (APM volume 2, chapter 11.4.4).
struct fp_registers {
    uint16_t x87_control;
    uint8_t between[22];
    uint32_t mxcsr;
    uint8_t rest[484];
} __attribute__((aligned(16)));

// As a program begins: rounding to nearest, no exception traps.
extern const struct fp_registers fp_fresh;

void fp_save(struct fp_registers *to);
void fp_load(const struct fp_registers *from);
