#include "arch/panic.h"

#include "arch/x86_64/core/cpu.h"

// The first serial port of a PC (16550).
#define SERIAL 0x3f8u
#define SERIAL_STATUS (SERIAL + 5)
#define SERIAL_EMPTY 0x20u
#define SERIAL_STEPS 100000 // that a byte may take: should nothing be there, it is no end

// QEMU's isa-debug-exit: a byte written there ends QEMU, with the status (byte << 1) | 1.
#define DEBUG_EXIT 0x501u
#define DEBUG_EXIT_CLEAN 0x10u
#define DEBUG_EXIT_FAILED 0u

// The keyboard controller's line to the CPU's reset, the way that PCs always had.
#define KEYBOARD 0x64u
#define KEYBOARD_RESET 0xfeu

static void panic_put(char c) {
    for (int i = 0; i < SERIAL_STEPS && !(cpu_in8(SERIAL_STATUS) & SERIAL_EMPTY); i++) {
    }
    cpu_out8(SERIAL, (uint8_t)c);
}

static void panic_text(const char *text) {
    while (*text) {
        panic_put(*text++);
    }
}

// init turns the machine off in the firmware's way, before it ends; the core does not know that.
void arch_machine_end(bool failed) {
    cpu_out8(DEBUG_EXIT, failed ? DEBUG_EXIT_FAILED : DEBUG_EXIT_CLEAN);
    cpu_out8(KEYBOARD, KEYBOARD_RESET);
}

void arch_panic(const char *message, unsigned long value) {
    panic_text("\r\nEXEUNT CORE PANIC: ");
    panic_text(message);
    panic_text(" 0x");
    for (int shift = 60; shift >= 0; shift -= 4) {
        panic_put("0123456789abcdef"[value >> shift & 15]);
    }
    panic_text("\r\n");
    arch_machine_end(true);
    for (;;) {
        asm volatile("cli; hlt"); // it takes a while
    }
}
