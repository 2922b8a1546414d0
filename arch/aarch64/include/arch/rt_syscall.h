// How a system call is made on aarch64 (ipc/syscall.h).
#pragma once

#include <stdint.h>

#include "ipc/message.h"
#include "ipc/status.h"

struct rt_words;

#define RT_WORD_REGISTERS(words)                                                                   \
    register uint64_t x0 asm("x0") = (words)->word[0];                                             \
    register uint64_t x1 asm("x1") = (words)->word[1];                                             \
    register uint64_t x2 asm("x2") = (words)->word[2];                                             \
    register uint64_t x3 asm("x3") = (words)->word[3];                                             \
    register uint64_t x4 asm("x4") = (words)->word[4];                                             \
    register uint64_t x5 asm("x5") = (words)->word[5];                                             \
    register uint64_t x6 asm("x6") = (words)->word[6];                                             \
    register uint64_t x7 asm("x7") = (words)->word[7]

#define RT_WORDS_OUT(words)                                                                        \
    (words)->word[0] = x0, (words)->word[1] = x1, (words)->word[2] = x2, (words)->word[3] = x3,    \
    (words)->word[4] = x4, (words)->word[5] = x5, (words)->word[6] = x6, (words)->word[7] = x7

#define RT_WORD_OPERANDS                                                                           \
    "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6), "+r"(x7)

// A system call that returns at once.
#define RT_SYSTEM_CALL(number, selector, words)                                                    \
    ({                                                                                             \
        RT_WORD_REGISTERS(words);                                                                  \
        register uint64_t x8_ asm("x8") = (number);                                                \
        register uint64_t x9_ asm("x9") = (selector);                                              \
        asm volatile("svc #0"                                                                      \
                     : "+r"(x8_), "+r"(x9_), RT_WORD_OPERANDS                                      \
                     :                                                                             \
                     : "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");          \
        RT_WORDS_OUT(words);                                                                       \
        (enum status) x8_;                                                                         \
    })

// CALL, which blocks: no other register comes back as it was.
#define RT_BLOCKING_CALL(number, selector, words)                                                  \
    ({                                                                                             \
        RT_WORD_REGISTERS(words);                                                                  \
        register uint64_t x8_ asm("x8") = (number);                                                \
        register uint64_t x9_ asm("x9") = (selector);                                              \
        asm volatile("svc #0"                                                                      \
                     : "+r"(x8_), "+r"(x9_), RT_WORD_OPERANDS                                      \
                     :                                                                             \
                     : "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19",       \
                       "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30",       \
                       "memory");                                                                  \
        RT_WORDS_OUT(words);                                                                       \
        (enum status) x8_;                                                                         \
    })

// REPLY_WAIT of a hypercall: up to three words count, and nothing comes back here.
static inline _Noreturn void rt_reply_registers(uint64_t flags, uint64_t word0, uint64_t word1,
                                                uint64_t word2) {
    register uint64_t x0 asm("x0") = word0;
    register uint64_t x1 asm("x1") = word1;
    register uint64_t x2 asm("x2") = word2;
    register uint64_t x8 asm("x8") = 0;
    register uint64_t x9 asm("x9") = flags;
    asm volatile("svc #0" ::"r"(x0), "r"(x1), "r"(x2), "r"(x8), "r"(x9) : "memory");
    __builtin_unreachable();
}

// REPLY_WAIT of another exit: words 0, 4 and 6 count.
static inline _Noreturn void rt_reply_effect_registers(uint64_t flags, uint64_t word0,
                                                       uint64_t word4, uint64_t word6) {
    register uint64_t x0 asm("x0") = word0;
    register uint64_t x4 asm("x4") = word4;
    register uint64_t x6 asm("x6") = word6;
    register uint64_t x8 asm("x8") = 0;
    register uint64_t x9 asm("x9") = flags;
    asm volatile("svc #0" ::"r"(x0), "r"(x4), "r"(x6), "r"(x8), "r"(x9) : "memory");
    __builtin_unreachable();
}

// REPLY_WAIT of an exit that ends in a mapping: words 2, 3 and 5 count.
static inline _Noreturn void rt_reply_map_registers(uint64_t flags, uint64_t word2, uint64_t word3,
                                                    uint64_t word5) {
    register uint64_t x2 asm("x2") = word2;
    register uint64_t x3 asm("x3") = word3;
    register uint64_t x5 asm("x5") = word5;
    register uint64_t x8 asm("x8") = 0;
    register uint64_t x9 asm("x9") = flags;
    asm volatile("svc #0" ::"r"(x2), "r"(x3), "r"(x5), "r"(x8), "r"(x9) : "memory");
    __builtin_unreachable();
}

// The same for effects without RAISE: word 4 says nothing then.
static inline _Noreturn void rt_reply_write_registers(uint64_t flags, uint64_t word0,
                                                      uint64_t word6) {
    register uint64_t x0 asm("x0") = word0;
    register uint64_t x6 asm("x6") = word6;
    register uint64_t x8 asm("x8") = 0;
    register uint64_t x9 asm("x9") = flags;
    asm volatile("svc #0" ::"r"(x0), "r"(x6), "r"(x8), "r"(x9) : "memory");
    __builtin_unreachable();
}

// REPLY_WAIT of a call: all words count, and the flags are 0.
static inline _Noreturn void rt_reply_call_registers(uint64_t word0, uint64_t word1, uint64_t word2,
                                                     uint64_t word3, uint64_t word4, uint64_t word5,
                                                     uint64_t word6, uint64_t word7) {
    register uint64_t x0 asm("x0") = word0;
    register uint64_t x1 asm("x1") = word1;
    register uint64_t x2 asm("x2") = word2;
    register uint64_t x3 asm("x3") = word3;
    register uint64_t x4 asm("x4") = word4;
    register uint64_t x5 asm("x5") = word5;
    register uint64_t x6 asm("x6") = word6;
    register uint64_t x7 asm("x7") = word7;
    register uint64_t x8 asm("x8") = 0;
    register uint64_t x9 asm("x9") = 0;
    asm volatile("svc #0" ::"r"(x0), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x6), "r"(x7),
                 "r"(x8), "r"(x9)
                 : "memory");
    __builtin_unreachable();
}

static inline uint64_t rt_instruction_counter(void) {
    uint64_t value;
    asm volatile("mrs %0, pmccntr_el0" : "=r"(value)::"memory");
    return value;
}

static inline uint64_t rt_counter(void) {
    uint64_t value;
    asm volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
}

static inline uint64_t rt_thread_pointer(void) {
    uint64_t value;
    asm volatile("mrs %0, tpidr_el0" : "=r"(value));
    return value;
}
