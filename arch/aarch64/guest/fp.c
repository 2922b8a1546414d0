#include "arch/aarch64/guest/fp.h"

#include "arch/aarch64/guest/sysreg.h"

// The kernel is compiled for a CPU without floating point, so that it can't touch these by mistake.
#define WITH_FP ".arch_extension simd\n"

// Every register, two at a time; `instruction` is LDP or STP.
// clang-format off
#define ALL_PAIRS(instruction)                                                                     \
    instruction " q0, q1, [%[v], #0]\n"                                                             \
    instruction " q2, q3, [%[v], #32]\n"                                                            \
    instruction " q4, q5, [%[v], #64]\n"                                                            \
    instruction " q6, q7, [%[v], #96]\n"                                                            \
    instruction " q8, q9, [%[v], #128]\n"                                                           \
    instruction " q10, q11, [%[v], #160]\n"                                                         \
    instruction " q12, q13, [%[v], #192]\n"                                                         \
    instruction " q14, q15, [%[v], #224]\n"                                                         \
    instruction " q16, q17, [%[v], #256]\n"                                                         \
    instruction " q18, q19, [%[v], #288]\n"                                                         \
    instruction " q20, q21, [%[v], #320]\n"                                                         \
    instruction " q22, q23, [%[v], #352]\n"                                                         \
    instruction " q24, q25, [%[v], #384]\n"                                                         \
    instruction " q26, q27, [%[v], #416]\n"                                                         \
    instruction " q28, q29, [%[v], #448]\n"                                                         \
    instruction " q30, q31, [%[v], #480]\n"
// clang-format on

void fp_init(void) {
    sysreg_write(cpacr_el1, CPACR_FPEN);
    sysreg_sync();
}

void fp_save(struct fp_registers *to) {
    uint64_t fpcr, fpsr;
    __asm__ volatile(WITH_FP ALL_PAIRS("stp") "mrs %[fpcr], fpcr\n"
                                              "mrs %[fpsr], fpsr\n"
                     : [fpcr] "=&r"(fpcr), [fpsr] "=&r"(fpsr)
                     : [v] "r"(to->v)
                     : "memory");
    to->fpcr = fpcr;
    to->fpsr = fpsr;
}

void fp_load(const struct fp_registers *from) {
    __asm__ volatile(WITH_FP ALL_PAIRS("ldp") "msr fpcr, %[fpcr]\n"
                                              "msr fpsr, %[fpsr]\n" ::[v] "r"(from->v),
                     [fpcr] "r"(from->fpcr), [fpsr] "r"(from->fpsr)
                     : "memory");
}
