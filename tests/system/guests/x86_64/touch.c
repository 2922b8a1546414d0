// Forms of instructions that access memory.
#include "tests/system/guests/touch.h"

#include <stddef.h>

// RDI is the address; what a form loads or stores is EAX or XMM0.
#define WAY(name, text)                                                                            \
    static void name(uint64_t address) {                                                           \
        __asm__ volatile("mov $0x5555, %%eax\n" text                                               \
                         : "+D"(address)::"rax", "rcx", "rsi", "memory", "cc");                    \
    }

// X(name, instruction)
#define WAYS(X)                                                                                    \
    X(load, "mov (%%rdi), %%eax\n")                                                                \
    X(store, "mov %%eax, (%%rdi)\n")                                                               \
    X(fetch, "call *%%rdi\n")                                                                      \
    X(amo, "lock xadd %%eax, (%%rdi)\n")                                                           \
    X(push, "pushq (%%rdi)\n pop %%rax\n")                                                         \
    X(add, "add %%eax, (%%rdi)\n")                                                                 \
    X(store_string, "mov $4, %%ecx\n rep stosl\n")                                                 \
    X(load_simd, "movups (%%rdi), %%xmm0\n")                                                       \
    X(store_simd, "movups %%xmm0, (%%rdi)\n")

WAYS(WAY)

#define TOUCH_WAY(name, text) {#name, name},
const struct touch_way touch_ways[] = {WAYS(TOUCH_WAY){NULL, NULL}};
