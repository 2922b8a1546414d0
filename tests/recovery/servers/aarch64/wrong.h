// What no server may do on aarch64, and where others are that it may not reach.
#pragma once

#include <stdint.h>

static inline void wrong_instruction(void) { __asm__ volatile("udf #0"); }

static inline void wrong_breakpoint(void) { __asm__ volatile("brk #0"); }

static inline void wrong_register(void) { __asm__ volatile("msr ttbr0_el1, xzr"); }

// Guest memory, where there is no right to it: there is no instruction for it at all, but one that
// translates a guest's addresses.
static inline uint64_t wrong_load_guest(uint64_t address) {
    __asm__ volatile("at s12e1r, %0" ::"r"(address));
    return address;
}

// Privileged instructions, by number.
#define WRONG_PRIVILEGED(X)                                                                        \
    X(0, "mrs x9, ttbr0_el1")                                                                      \
    X(1, "msr ttbr0_el1, xzr")                                                                     \
    X(2, "msr tpidr_el1, xzr")                                                                     \
    X(3, "msr vbar_el1, xzr")                                                                      \
    X(4, "msr sctlr_el1, xzr")                                                                     \
    X(5, "msr daifset, #0xf")                                                                      \
    X(6, "tlbi vmalle1")                                                                           \
    X(7, "eret")                                                                                   \
    X(8, "smc #0")                                                                                 \
    X(9, "msr vttbr_el2, xzr")                                                                     \
    X(10, "msr hcr_el2, xzr")                                                                      \
    X(11, "mrs x9, scr_el3")                                                                       \
    X(12, "msr icc_sgi1r_el1, xzr")                                                                \
    X(13, "tlbi alle1")                                                                            \
    X(14, "hvc #0")                                                                                \
    X(15, "msr cntvoff_el2, xzr")
#define WRONG_CLOBBERED "x9"

// Addresses of the core's image and of its view of all memory; physical ones of it, of the bundle,
// of object memory, of the machine's devices, where tasks and guests have nothing; the edges of
// what an address can be.
#define WRONG_CORE                                                                                 \
    0xffffffffc0200000ull, 0xffffffffc0207000ull, 0xffffff8040200000ull, 0xffffff8040600000ull,    \
        0xffffff8040000000ull
#define WRONG_ELSEWHERE                                                                            \
    0x0ull, 0x100000ull, 0x09000000ull, 0x08000000ull, 0x2fff0000ull, 0x3fff0000ull,               \
        0x60000000ull, 0x70000000ull, 0x80400000ull, 0x80900000ull, 0x1040400000ull,               \
        0x2000000000ull
#define WRONG_PLACES                                                                               \
    0xffffff8040500000ull, 0xffffff8009000000ull, 0x40200000ull, 0x40500000ull, 0xffffffffffull,   \
        0x10000000000ull
