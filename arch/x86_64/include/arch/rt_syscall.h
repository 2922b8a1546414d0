// How a system call is made on x86_64 (ipc/syscall.h). SYSCALL itself changes rcx and r11.
#pragma once

#include <stdint.h>

#include "ipc/message.h"
#include "ipc/status.h"

struct rt_words;

#define RT_WORD_REGISTERS(words)                                                                   \
    register uint64_t rdi asm("rdi") = (words)->word[0];                                           \
    register uint64_t rsi asm("rsi") = (words)->word[1];                                           \
    register uint64_t rdx asm("rdx") = (words)->word[2];                                           \
    register uint64_t r10 asm("r10") = (words)->word[3];                                           \
    register uint64_t r8 asm("r8") = (words)->word[4];                                             \
    register uint64_t r9 asm("r9") = (words)->word[5];                                             \
    register uint64_t r12 asm("r12") = (words)->word[6];                                           \
    register uint64_t r13 asm("r13") = (words)->word[7]

#define RT_WORDS_OUT(words)                                                                        \
    (words)->word[0] = rdi, (words)->word[1] = rsi, (words)->word[2] = rdx,                        \
    (words)->word[3] = r10, (words)->word[4] = r8, (words)->word[5] = r9, (words)->word[6] = r12,  \
    (words)->word[7] = r13

#define RT_WORD_OPERANDS                                                                           \
    "+r"(rdi), "+r"(rsi), "+r"(rdx), "+r"(r10), "+r"(r8), "+r"(r9), "+r"(r12), "+r"(r13)

// A system call that returns at once.
#define RT_SYSTEM_CALL(number, selector, words)                                                    \
    ({                                                                                             \
        RT_WORD_REGISTERS(words);                                                                  \
        register uint64_t rax_ asm("rax") = (number);                                              \
        register uint64_t rbx_ asm("rbx") = (selector);                                            \
        asm volatile("syscall"                                                                     \
                     : "+r"(rax_), "+r"(rbx_), RT_WORD_OPERANDS                                    \
                     :                                                                             \
                     : "rcx", "r11", "memory", "cc");                                              \
        RT_WORDS_OUT(words);                                                                       \
        (enum status) rax_;                                                                        \
    })

// CALL, which blocks: of the other registers only rbp comes back as it was.
#define RT_BLOCKING_CALL(number, selector, words)                                                  \
    ({                                                                                             \
        RT_WORD_REGISTERS(words);                                                                  \
        register uint64_t rax_ asm("rax") = (number);                                              \
        register uint64_t rbx_ asm("rbx") = (selector);                                            \
        asm volatile("syscall"                                                                     \
                     : "+r"(rax_), "+r"(rbx_), RT_WORD_OPERANDS                                    \
                     :                                                                             \
                     : "rcx", "r11", "r14", "r15", "memory", "cc");                                \
        RT_WORDS_OUT(words);                                                                       \
        (enum status) rax_;                                                                        \
    })

// REPLY_WAIT of a hypercall: up to three words count, and nothing comes back here.
static inline _Noreturn void rt_reply_registers(uint64_t flags, uint64_t word0, uint64_t word1,
                                                uint64_t word2) {
    asm volatile("syscall" ::"D"(word0), "S"(word1), "d"(word2), "a"(0ull), "b"(flags) : "memory");
    __builtin_unreachable();
}

// REPLY_WAIT of another exit: words 0, 4 and 6 count.
static inline _Noreturn void rt_reply_effect_registers(uint64_t flags, uint64_t word0,
                                                       uint64_t word4, uint64_t word6) {
    register uint64_t r8 asm("r8") = word4;
    register uint64_t r12 asm("r12") = word6;
    asm volatile("syscall" ::"D"(word0), "r"(r8), "r"(r12), "a"(0ull), "b"(flags) : "memory");
    __builtin_unreachable();
}

// REPLY_WAIT of an exit that ends in a mapping: words 2, 3 and 5 count.
static inline _Noreturn void rt_reply_map_registers(uint64_t flags, uint64_t word2, uint64_t word3,
                                                    uint64_t word5) {
    register uint64_t r10 asm("r10") = word3;
    register uint64_t r9 asm("r9") = word5;
    asm volatile("syscall" ::"d"(word2), "r"(r10), "r"(r9), "a"(0ull), "b"(flags) : "memory");
    __builtin_unreachable();
}

// The same for DEADLINE and ADVANCE: words 2 and 6, the second of which is 0.
static inline _Noreturn void rt_reply_deadline_registers(uint64_t flags, uint64_t word2) {
    register uint64_t r12 asm("r12") = 0;
    asm volatile("syscall" ::"d"(word2), "r"(r12), "a"(0ull), "b"(flags) : "memory");
    __builtin_unreachable();
}

// The same for effects without RAISE: word 4 says nothing then.
static inline _Noreturn void rt_reply_write_registers(uint64_t flags, uint64_t word0,
                                                      uint64_t word6) {
    register uint64_t r12 asm("r12") = word6;
    asm volatile("syscall" ::"D"(word0), "r"(r12), "a"(0ull), "b"(flags) : "memory");
    __builtin_unreachable();
}

// REPLY_WAIT of a call: all words count, and the flags are 0.
static inline _Noreturn void rt_reply_call_registers(uint64_t word0, uint64_t word1, uint64_t word2,
                                                     uint64_t word3, uint64_t word4, uint64_t word5,
                                                     uint64_t word6, uint64_t word7) {
    register uint64_t r10 asm("r10") = word3;
    register uint64_t r8 asm("r8") = word4;
    register uint64_t r9 asm("r9") = word5;
    register uint64_t r12 asm("r12") = word6;
    register uint64_t r13 asm("r13") = word7;
    asm volatile("syscall" ::"D"(word0), "S"(word1), "d"(word2), "r"(r10), "r"(r8), "r"(r9),
                 "r"(r12), "r"(r13), "a"(0ull), "b"(0ull)
                 : "memory");
    __builtin_unreachable();
}

// The time-stamp counter, which QEMU's -icount makes count instructions.
static inline uint64_t rt_counter(void) {
    uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

static inline uint64_t rt_instruction_counter(void) { return rt_counter(); }

static inline uint64_t rt_thread_pointer(void) {
    uint64_t value;
    asm volatile("rdfsbase %0" : "=r"(value));
    return value;
}
