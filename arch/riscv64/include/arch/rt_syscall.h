// How a system call is made on riscv64 (ipc/syscall.h).
#pragma once

#include <stdint.h>

#include "ipc/message.h"
#include "ipc/status.h"

struct rt_words;

#define RT_WORD_REGISTERS(words)                                                                   \
    register uint64_t a0 asm("a0") = (words)->word[0];                                             \
    register uint64_t a1 asm("a1") = (words)->word[1];                                             \
    register uint64_t a2 asm("a2") = (words)->word[2];                                             \
    register uint64_t a3 asm("a3") = (words)->word[3];                                             \
    register uint64_t a4 asm("a4") = (words)->word[4];                                             \
    register uint64_t a5 asm("a5") = (words)->word[5];                                             \
    register uint64_t a6 asm("a6") = (words)->word[6];                                             \
    register uint64_t a7 asm("a7") = (words)->word[7]

#define RT_WORDS_OUT(words)                                                                        \
    (words)->word[0] = a0, (words)->word[1] = a1, (words)->word[2] = a2, (words)->word[3] = a3,    \
    (words)->word[4] = a4, (words)->word[5] = a5, (words)->word[6] = a6, (words)->word[7] = a7

#define RT_WORD_OPERANDS                                                                           \
    "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7)

// A system call that returns at once.
#define RT_SYSTEM_CALL(number, selector, words)                                                    \
    ({                                                                                             \
        RT_WORD_REGISTERS(words);                                                                  \
        register uint64_t t0_ asm("t0") = (number);                                                \
        register uint64_t t1_ asm("t1") = (selector);                                              \
        asm volatile("ecall"                                                                       \
                     : "+r"(t0_), "+r"(t1_), RT_WORD_OPERANDS                                      \
                     :                                                                             \
                     : "t2", "t3", "t4", "t5", "t6", "memory");                                    \
        RT_WORDS_OUT(words);                                                                       \
        (enum status) t0_;                                                                         \
    })

// CALL, which blocks: no other register comes back as it was.
#define RT_BLOCKING_CALL(number, selector, words)                                                  \
    ({                                                                                             \
        RT_WORD_REGISTERS(words);                                                                  \
        register uint64_t t0_ asm("t0") = (number);                                                \
        register uint64_t t1_ asm("t1") = (selector);                                              \
        asm volatile("ecall"                                                                       \
                     : "+r"(t0_), "+r"(t1_), RT_WORD_OPERANDS                                      \
                     :                                                                             \
                     : "ra", "t2", "t3", "t4", "t5", "t6", "s0", "s1", "s2", "s3", "s4", "s5",     \
                       "s6", "s7", "s8", "s9", "s10", "s11", "memory");                            \
        RT_WORDS_OUT(words);                                                                       \
        (enum status) t0_;                                                                         \
    })

// REPLY_WAIT of a hypercall: up to three words count, and nothing comes back here.
static inline _Noreturn void rt_reply_registers(uint64_t flags, uint64_t word0, uint64_t word1,
                                                uint64_t word2) {
    register uint64_t a0 asm("a0") = word0;
    register uint64_t a1 asm("a1") = word1;
    register uint64_t a2 asm("a2") = word2;
    register uint64_t t0 asm("t0") = 0;
    register uint64_t t1 asm("t1") = flags;
    asm volatile("ecall" ::"r"(a0), "r"(a1), "r"(a2), "r"(t0), "r"(t1) : "memory");
    __builtin_unreachable();
}

// REPLY_WAIT of another exit: words 0, 4 and 6 count.
static inline _Noreturn void rt_reply_effect_registers(uint64_t flags, uint64_t word0,
                                                       uint64_t word4, uint64_t word6) {
    register uint64_t a0 asm("a0") = word0;
    register uint64_t a4 asm("a4") = word4;
    register uint64_t a6 asm("a6") = word6;
    register uint64_t t0 asm("t0") = 0;
    register uint64_t t1 asm("t1") = flags;
    asm volatile("ecall" ::"r"(a0), "r"(a4), "r"(a6), "r"(t0), "r"(t1) : "memory");
    __builtin_unreachable();
}

// REPLY_WAIT of an exit that ends in a mapping: words 2, 3 and 5 count.
static inline _Noreturn void rt_reply_map_registers(uint64_t flags, uint64_t word2, uint64_t word3,
                                                    uint64_t word5) {
    register uint64_t a2 asm("a2") = word2;
    register uint64_t a3 asm("a3") = word3;
    register uint64_t a5 asm("a5") = word5;
    register uint64_t t0 asm("t0") = 0;
    register uint64_t t1 asm("t1") = flags;
    asm volatile("ecall" ::"r"(a2), "r"(a3), "r"(a5), "r"(t0), "r"(t1) : "memory");
    __builtin_unreachable();
}

// The same for effects without RAISE: word 4 says nothing then.
static inline _Noreturn void rt_reply_write_registers(uint64_t flags, uint64_t word0,
                                                      uint64_t word6) {
    register uint64_t a0 asm("a0") = word0;
    register uint64_t a6 asm("a6") = word6;
    register uint64_t t0 asm("t0") = 0;
    register uint64_t t1 asm("t1") = flags;
    asm volatile("ecall" ::"r"(a0), "r"(a6), "r"(t0), "r"(t1) : "memory");
    __builtin_unreachable();
}

// REPLY_WAIT of a call: all words count, and the flags are 0.
static inline _Noreturn void rt_reply_call_registers(uint64_t word0, uint64_t word1, uint64_t word2,
                                                     uint64_t word3, uint64_t word4, uint64_t word5,
                                                     uint64_t word6, uint64_t word7) {
    register uint64_t a0 asm("a0") = word0;
    register uint64_t a1 asm("a1") = word1;
    register uint64_t a2 asm("a2") = word2;
    register uint64_t a3 asm("a3") = word3;
    register uint64_t a4 asm("a4") = word4;
    register uint64_t a5 asm("a5") = word5;
    register uint64_t a6 asm("a6") = word6;
    register uint64_t a7 asm("a7") = word7;
    register uint64_t t0 asm("t0") = 0;
    register uint64_t t1 asm("t1") = 0;
    asm volatile("ecall" ::"r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7),
                 "r"(t0), "r"(t1)
                 : "memory");
    __builtin_unreachable();
}

static inline uint64_t rt_instruction_counter(void) {
    uint64_t value;
    asm volatile("rdinstret %0" : "=r"(value)::"memory");
    return value;
}

static inline uint64_t rt_counter(void) {
    uint64_t value;
    asm volatile("rdtime %0" : "=r"(value));
    return value;
}

static inline uint64_t rt_thread_pointer(void) {
    uint64_t value;
    asm volatile("mv %0, tp" : "=r"(value));
    return value;
}
