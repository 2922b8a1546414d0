// The two calls that the core itself makes to the machine's firmware (SBI 1.0), where the hardware
// offers no other way.
#pragma once

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t sbi_call(uint64_t extension, uint64_t function, uint64_t arg0,
                                uint64_t arg1) {
    register uint64_t a0 asm("a0") = arg0;
    register uint64_t a1 asm("a1") = arg1;
    register uint64_t a6 asm("a6") = function;
    register uint64_t a7 asm("a7") = extension;
    asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
    return a0;
}

// TIME extension, §6: the supervisor's timer interrupt at DEADLINE, the pending one taken back.
static inline void sbi_set_timer(uint64_t deadline) { sbi_call(0x54494d45, 0, deadline, 0); }

// Legacy console, §5.2.
static inline void sbi_putchar(char c) { sbi_call(1, 0, (uint8_t)c, 0); }

// SRST, §10: shutdown, with the reason "none" or "system failure".
static inline void sbi_shutdown(bool failed) { sbi_call(0x53525354, 0, 0, failed); }
