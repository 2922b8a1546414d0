// What is aarch64's own of linux_counter.c and linux_entry.c.
#pragma once

static inline unsigned long counter(void) {
    unsigned long ticks;
    __asm__ volatile("isb\n"
                     "mrs %0, cntvct_el0"
                     : "=r"(ticks)::"memory");
    return ticks;
}

static inline long linux_call(long number, long argument0, long argument1, long argument2) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = argument0;
    register long x1 __asm__("x1") = argument1;
    register long x2 __asm__("x2") = argument2;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x8) : "memory");
    return x0;
}

// The PL011 of QEMU's `virt`, and of the guest: its data register. It sends without being set up.
static inline void put(char character) { *(volatile unsigned *)0x9000000 = (unsigned)character; }

// Where linux_entry.c begins: with the device tree's address in x0, behind the header by which QEMU
// and the hypervisor know a kernel (Linux, Documentation/arch/arm64/booting.rst).
#define ENTRY_START                                                                                \
    "b 1f\n"                                                                                       \
    ".word 0\n"                                                                                    \
    ".quad 0\n"   /* offset in RAM; QEMU adds 2 MiB, because it needs the beginning itself */      \
    ".quad %c1\n" /* size in memory */                                                             \
    ".quad 0xa\n" /* little endian, pages of 4 KiB, anywhere in RAM */                             \
    ".quad 0, 0, 0\n"                                                                              \
    ".ascii \"ARM\\x64\"\n"                                                                        \
    ".word 0\n"                                                                                    \
    "1:\n"                                                                                         \
    "mov x19, x0\n"                                                                                \
    "mov x1, x0\n"                                                                                 \
    "mrs x0, cntvct_el0\n"                                                                         \
    "adrp x2, entry_stack + %c2\n"                                                                 \
    "add x2, x2, :lo12:entry_stack + %c2\n"                                                        \
    "mov sp, x2\n"                                                                                 \
    "bl entry_main\n"                                                                              \
    "mov x0, x19\n"                                                                                \
    "mov x1, xzr\n"                                                                                \
    "mov x2, xzr\n"                                                                                \
    "mov x3, xzr\n"                                                                                \
    "adr x4, _start\n"                                                                             \
    "ldr x5, =%c0\n"                                                                               \
    "add x4, x4, x5\n"                                                                             \
    "br x4\n"
