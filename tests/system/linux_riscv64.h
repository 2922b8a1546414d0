// What is riscv64's own of linux_counter.c and linux_entry.c.
#pragma once

static inline unsigned long counter(void) {
    unsigned long ticks;
    __asm__ volatile("rdtime %0" : "=r"(ticks));
    return ticks;
}

static inline long linux_call(long number, long argument0, long argument1, long argument2) {
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = argument0;
    register long a1 __asm__("a1") = argument1;
    register long a2 __asm__("a2") = argument2;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

// Legacy console (SBI 2.0, chapter 5.2), which every firmware and every hypervisor still has.
static inline void put(char character) {
    register long a7 __asm__("a7") = 0x01;
    register long a0 __asm__("a0") = character;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "a1", "memory");
}

// Where linux_entry.c begins: with the hart's number in a0 and the device tree's address in a1.
#define ENTRY_START                                                                                \
    "mv s0, a0\n"                                                                                  \
    "mv s1, a1\n"                                                                                  \
    "rdtime a0\n"                                                                                  \
    "la sp, entry_stack + %c2\n"                                                                   \
    "call entry_main\n"                                                                            \
    "mv a0, s0\n"                                                                                  \
    "mv a1, s1\n"                                                                                  \
    "la t0, _start\n"                                                                              \
    "li t1, %c0\n"                                                                                 \
    "add t0, t0, t1\n"                                                                             \
    "jr t0\n"
