#include "arch/x86_64/guest/fp.h"

_Static_assert(sizeof(struct fp_registers) == 512, "FXSAVE's area");

const struct fp_registers fp_fresh = {.x87_control = 0x37f, .mxcsr = 0x1f80};

void fp_save(struct fp_registers *to) { __asm__ volatile("fxsave64 %0" : "=m"(*to)); }

void fp_load(const struct fp_registers *from) { __asm__ volatile("fxrstor64 %0" ::"m"(*from)); }
