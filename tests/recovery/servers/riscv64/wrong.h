// What no server may do on riscv64, and where others are that it may not reach.
#pragma once

#include <stdint.h>

static inline void wrong_instruction(void) { __asm__ volatile("unimp"); }

static inline void wrong_breakpoint(void) { __asm__ volatile("ebreak"); }

static inline void wrong_register(void) { __asm__ volatile("csrw satp, zero"); }

// Guest memory, where there is no right to it.
static inline uint64_t wrong_load_guest(uint64_t address) {
    __asm__ volatile(".insn r 0x73, 4, 0x36, %0, %0, x0" : "+r"(address)); // hlv.d
    return address;
}

// Privileged instructions, by number.
#define WRONG_PRIVILEGED(X)                                                                        \
    X(0, "csrr t0, satp")                                                                          \
    X(1, "csrw satp, zero")                                                                        \
    X(2, "csrw sscratch, zero")                                                                    \
    X(3, "csrw stvec, zero")                                                                       \
    X(4, "csrs sstatus, t0")                                                                       \
    X(5, "csrw sie, zero")                                                                         \
    X(6, "sfence.vma")                                                                             \
    X(7, "sret")                                                                                   \
    X(8, ".insn 4, 0x30200073")  /* mret */                                                        \
    X(9, "csrr t0, 0x680")       /* hgatp */                                                       \
    X(10, "csrw 0x600, zero")    /* hstatus */                                                     \
    X(11, "csrr t0, 0x300")      /* mstatus */                                                     \
    X(12, "csrr t0, 0x14d")      /* stimecmp */                                                    \
    X(13, ".insn 4, 0x62000073") /* hfence.gvma */                                                 \
    X(14, ".insn 4, 0x22000073") /* hfence.vvma */                                                 \
    X(15, "csrw time, zero")
#define WRONG_CLOBBERED "t0"

// Addresses of the core's image and of its view of all memory; physical ones of it, of the bundle,
// of object memory, of the machine's devices, where tasks and guests have nothing; the edges of
// what an address can be.
#define WRONG_CORE                                                                                 \
    0xffffffff80200000ull, 0xffffffff80207000ull, 0xffffffc080200000ull, 0xffffffc080600000ull,    \
        0xffffffc080000000ull
#define WRONG_ELSEWHERE                                                                            \
    0x0ull, 0x100000ull, 0x10000000ull, 0x0c000000ull, 0x2fff0000ull, 0x3fff0000ull,               \
        0x60000000ull, 0x80000000ull, 0x80400000ull, 0x80900000ull, 0x1080400000ull,               \
        0x2000000000ull
#define WRONG_PLACES                                                                               \
    0xffffffc080500000ull, 0xffffffc010000000ull, 0x80200000ull, 0x80500000ull, 0x4000000000ull,   \
        0x7fffffffffull
