#include "arch/riscv64/guest/fp.h"

#include <stddef.h>

#define FOR_ALL                                                                                    \
    ".irp n, "                                                                                     \
    "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"

// The kernel is compiled for a CPU without floating point, so that it can't touch these by mistake.
#define WITH_FP ".option push\n.option arch, +d\n"

void fp_save(struct fp_registers *to) {
    uint64_t fcsr;
    __asm__ volatile(WITH_FP FOR_ALL "fsd f\\n, 8*\\n(%[to])\n"
                                     ".endr\n"
                                     "frcsr %[fcsr]\n"
                                     ".option pop\n"
                     : [fcsr] "=r"(fcsr)
                     : [to] "r"(to->f)
                     : "memory");
    to->fcsr = fcsr;
}

void fp_load(const struct fp_registers *from) {
    __asm__ volatile(WITH_FP FOR_ALL "fld f\\n, 8*\\n(%[from])\n"
                                     ".endr\n"
                                     "fscsr %[fcsr]\n"
                                     ".option pop\n" ::[from] "r"(from->f),
                     [fcsr] "r"(from->fcsr)
                     : "memory");
}
