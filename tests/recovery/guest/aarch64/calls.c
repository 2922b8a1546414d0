#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/firmware.h"
#include "arch/aarch64/guest/gic.h"
#include "arch/aarch64/guest/sysreg.h"
#include "guest/bare.h"
#include "tests/recovery/guest/aarch64/recovery.h"

// Milliseconds that a sleep takes. Long enough that the guest sleeps before it is over, even when
// servers are started again meanwhile.
#define SLEEP_MS 2

#define FIRST_PRIVATE 16
#define TIMER 27
#define ISR_IRQ (1u << 7)
#define TRAP_SYNCHRONOUS 0
#define TRAP_IRQ 1

void ask(uint64_t function, uint64_t a, uint64_t b, uint64_t c) {
    mix(firmware_call(function, a, b, c));
}

// As the controller hands it out.
static void handle(unsigned interrupt) {
    if (interrupt == TIMER) {
        sysreg_write(cntv_ctl_el0, 0);
        note(EVENT_TIMER);
    } else if (interrupt < FIRST_PRIVATE) {
        note(EVENT_SOFTWARE);
    } else {
        note(EVENT_DEVICE);
        if (interrupt == UART_INTERRUPT)
            console_interrupt();
    }
    mix(interrupt);
    gic_end(interrupt);
}

uint64_t bare_trap(const struct bare_trap *trap) {
    if (trap->kind == TRAP_IRQ) {
        const unsigned interrupt = gic_claim();
        if (interrupt != GIC_NONE) {
            handle(interrupt);
            return trap->pc;
        }
    } else if (trap->kind == TRAP_SYNCHRONOUS && ESR_CLASS(trap->syndrome) == ESR_UNKNOWN) {
        note(EVENT_ILLEGAL);
        return trap->pc + 4;
    }
    line("FAILED: unexpected trap, kind %lu, ESR 0x%lx, FAR 0x%lx, ELR 0x%lx", trap->kind,
         trap->syndrome, trap->address, trap->pc);
    guest_end(true);
}

// Interrupts are on for one instruction only: at that one a pending one is taken.
static void take(void) {
    __asm__ volatile("msr daifclr, #2\n"
                     "isb\n"
                     "msr daifset, #2\n" ::
                         : "memory");
}

void await_interrupt(void) {
    for (;;) {
        if (sysreg_read(isr_el1) & ISR_IRQ)
            return;
        __asm__ volatile("wfi");
    }
}

void wait_interrupt(bool as_exception) {
    await_interrupt();
    if (as_exception)
        take();
    else
        handle(gic_claim());
}

void sleep_timer(void) {
    const uint64_t ticks = sysreg_read(cntfrq_el0) / 1000 * SLEEP_MS;
    // The time is in a register only, and not for long.
    __asm__ volatile("mrs x1, cntvct_el0\n"
                     "add x1, x1, %0\n"
                     "msr cntv_cval_el0, x1\n"
                     "mov x1, #1\n"
                     "msr cntv_ctl_el0, x1\n"
                     "isb\n" ::"r"(ticks)
                     : "x1", "memory");
    wait_interrupt(true);
}

void send_software(uint64_t cpu) {
    // ICC_SGI1R_EL1: the interrupt, and the CPU's place among those of its cluster.
    sysreg_write(icc_sgi1r_el1, UINT64_C(1) << 24 | UINT64_C(1) << (cpu & 0xf));
    sysreg_sync();
}

// By the instruction that the manifest's `method` does not name.
static uint64_t call_by_smc(uint64_t function) {
    register uint64_t x0 __asm__("x0") = function;
    __asm__ volatile("smc #0" : "+r"(x0)::"x1", "x2", "x3", "memory");
    return x0;
}

void calls_round(uint64_t own) {
    ask(PSCI_VERSION, 0, 0, 0);
    mix(call_by_smc(PSCI_VERSION));
    ask(PSCI_FEATURES, PSCI_CPU_ON, 0, 0);
    ask(PSCI_MIGRATE_INFO_TYPE, 0, 0, 0);
    ask(PSCI_AFFINITY_INFO, own, 0, 0);
    ask(PSCI_CPU_ON, own, (uint64_t)image_start, 0); // which is on
    ask(SMCCC_VERSION, 0, 0, 0);
    ask(0x12345678, 0, 0, 0);
    send_software(own);
    wait_interrupt(true);
    send_software(own);
    ask(PSCI_CPU_SUSPEND, PSCI_STANDBY, 0, 0); // which is over at once
    wait_interrupt(false);
}
