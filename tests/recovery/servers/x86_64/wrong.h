// What no server may do on x86_64, and where others are that it may not reach.
#pragma once

#include <stdint.h>

static inline void wrong_instruction(void) { __asm__ volatile("ud2"); }

static inline void wrong_breakpoint(void) { __asm__ volatile("int3"); }

static inline void wrong_register(void) { __asm__ volatile("mov %0, %%cr3" ::"r"(0ul)); }

// Guest memory, where there is no right to it: there is no instruction for it at all, but one that
// a guest's state is loaded with.
static inline uint64_t wrong_load_guest(uint64_t address) {
    __asm__ volatile("vmload %%rax" ::"a"(address) : "memory");
    return address;
}

// Privileged instructions, by number.
#define WRONG_PRIVILEGED(X)                                                                        \
    X(0, "mov %%cr0, %%rax")                                                                       \
    X(1, "xor %%eax, %%eax\n mov %%rax, %%cr4")                                                    \
    X(2, "mov $0xc0000080, %%ecx\n rdmsr")                                                         \
    X(3, "mov $0xc0000082, %%ecx\n wrmsr")                                                         \
    X(4, "lidt (%%rsp)")                                                                           \
    X(5, "cli")                                                                                    \
    X(6, "invlpg (%%rsp)")                                                                         \
    X(7, "mov $0x2000, %%eax\n mov $0x604, %%edx\n out %%ax, %%dx")                                \
    X(8, "hlt")                                                                                    \
    X(9, "vmrun %%rax")                                                                            \
    X(10, "clgi")                                                                                  \
    X(11, "lgdt (%%rsp)")                                                                          \
    X(12, "mov %%rax, %%dr7")                                                                      \
    X(13, "wbinvd")                                                                                \
    X(14, "vmmcall")                                                                               \
    X(15, "mov $0xcf9, %%edx\n mov $6, %%al\n out %%al, %%dx")
#define WRONG_CLOBBERED "rax", "rcx", "rdx"

// Addresses of the core's image and of its view of all memory; physical ones of it, of the bundle,
// of object memory, of the machine's devices, where tasks and guests have nothing; the edges of
// what an address can be.
#define WRONG_CORE                                                                                 \
    0xffffffff80100000ull, 0xffffffff80207000ull, 0xffff800000100000ull, 0xffff800000600000ull,    \
        0xffff800000000000ull
#define WRONG_ELSEWHERE                                                                            \
    0x0ull, 0x100000ull, 0xfee00000ull, 0xfec00000ull, 0x2fff0000ull, 0x3fff0000ull,               \
        0x60000000ull, 0xb0000000ull, 0x80400000ull, 0x80900000ull, 0x1080400000ull,               \
        0x2000000000ull
#define WRONG_PLACES                                                                               \
    0xffff800000500000ull, 0xffff8000fee00000ull, 0x200000ull, 0x500000ull, 0x7fffffffffffull,     \
        0xfffe07f000ull
