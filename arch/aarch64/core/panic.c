#include "arch/aarch64/core/panic.h"

#include "arch/aarch64/core/sysreg.h"
#include "arch/panic.h"

#define PSCI_SYSTEM_OFF 0x84000008ull

uint64_t panic_console;

static void panic_put(char c) {
    if (panic_console) {
        *(volatile uint32_t *)panic_console = (uint8_t)c; // UARTDR
    }
}

static void panic_text(const char *text) {
    while (*text) {
        panic_put(*text++);
    }
}

// PSCI 1.1, §5.10: there is no status to give. The firmware is above EL2; a core that was started
// at EL1, and can only say so, has it at EL2.
void arch_machine_end(bool failed) {
    (void)failed;
    register uint64_t x0 asm("x0") = PSCI_SYSTEM_OFF;
    if (CURRENT_EL() == 2) {
        asm volatile("smc #0" : "+r"(x0)::"x1", "x2", "x3", "memory");
    } else {
        asm volatile("hvc #0" : "+r"(x0)::"x1", "x2", "x3", "memory");
    }
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
        asm volatile("wfi");
    }
}
