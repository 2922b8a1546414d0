// Every form that an access of memory can have. Of the first ones the hardware says which register
// and how much (a valid syndrome: Arm DDI 0487, D19.2.37, ISV); of the others only where.
#include "tests/system/guests/touch.h"

#include <stddef.h>

// x0 is the address; what a form loads or stores is x1 to x7 or v0 to v3.
#define FP                                                                                         \
    ".arch_extension simd\n"                                                                       \
    "mov x2, #3 << 20\n" /* CPACR_EL1.FPEN */                                                      \
    "msr cpacr_el1, x2\n"                                                                          \
    "isb\n"
#define WAY(name, text)                                                                            \
    static void name(uint64_t address) {                                                           \
        register uint64_t x0 __asm__("x0") = address;                                              \
        __asm__ volatile(".arch_extension lse\n"                                                   \
                         "mov x1, #0x5555\n" text                                                  \
                         : "+r"(x0)::"x1", "x2", "x19", "x30", "memory");                          \
    }

// X(name, instruction)
#define WAYS(X)                                                                                    \
    X(load, "ldr w1, [x0]\n")                                                                      \
    X(store, "str w1, [x0]\n")                                                                     \
    X(fetch, "mov x19, x30\n blr x0\n mov x30, x19\n")                                             \
    X(amo, "ldadd x1, x2, [x0]\n")                                                                 \
    X(load_byte, "ldrb w1, [x0]\n")                                                                \
    X(load_acquire, "ldar w1, [x0]\n")                                                             \
    X(store_release, "stlr w1, [x0]\n")                                                            \
    X(load_signed, "ldrsb x1, [x0]\n")                                                             \
    X(load_pair, "ldp w1, w2, [x0]\n")                                                             \
    X(store_pair, "stp w1, w2, [x0]\n")                                                            \
    X(load_post, "ldr w1, [x0], #4\n")                                                             \
    X(store_post, "str w1, [x0], #4\n")                                                            \
    X(load_pre, "ldr w1, [x0, #0]!\n")                                                             \
    X(store_pre, "str w1, [x0, #0]!\n")                                                            \
    X(load_simd, FP "ldr q0, [x0]\n")                                                              \
    X(store_simd, FP "str q0, [x0]\n")                                                             \
    X(load_simd_many, FP "ld4 {v0.16b-v3.16b}, [x0]\n")                                            \
    X(load_exclusive, "ldxr w1, [x0]\n")                                                           \
    X(compare_and_swap, "cas w1, w2, [x0]\n")                                                      \
    X(swap, "swp w1, w2, [x0]\n")                                                                  \
    X(zero, "dc zva, x0\n")                                                                        \
    X(clean, "dc civac, x0\n")

WAYS(WAY)

#define TOUCH_WAY(name, text) {#name, name},
const struct touch_way touch_ways[] = {WAYS(TOUCH_WAY){NULL, NULL}};
