#include "arch/panic.h"

#include "arch/riscv64/core/csr.h"
#include "arch/riscv64/core/sbi.h"

static void panic_text(const char *text) {
    while (*text) {
        sbi_putchar(*text++);
    }
}

void arch_machine_end(bool failed) { sbi_shutdown(failed); }

void arch_panic(const char *message, unsigned long value) {
    panic_text("\r\nEXEUNT CORE PANIC: ");
    panic_text(message);
    panic_text(" 0x");
    for (int shift = 60; shift >= 0; shift -= 4) {
        sbi_putchar("0123456789abcdef"[value >> shift & 15]);
    }
    panic_text("\r\n");
    arch_machine_end(true);
    for (;;) {
        asm volatile("wfi");
    }
}
