#include "arch/riscv64/guest/bare.h"
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "guest/bare.h"
#include "tests/recovery/guest/riscv64/recovery.h"

// Ticks of the counter that a sleep takes. Long enough that the guest sleeps before it is over,
// even when servers are started again meanwhile.
#define SLEEP_TICKS 20000

void ask(uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1, uint64_t a2) {
    const struct sbi_result result = SBI_CALL(extension, function, a0, a1, a2);
    mix((uint64_t)result.error);
    mix((uint64_t)result.value);
}

uint64_t bare_trap(uint64_t cause, uint64_t value, uint64_t pc) {
    switch (cause) {
    case SCAUSE_TIMER:
        note(EVENT_TIMER);
        ask(SBI_TIME, SBI_TIME_SET_TIMER, UINT64_MAX, 0, 0);
        return pc;
    case SCAUSE_SOFTWARE:
        note(EVENT_SOFTWARE);
        csr_clear(sip, SIE_SSIE);
        return pc;
    case SCAUSE_ILLEGAL:
        note(EVENT_ILLEGAL);
        mix(value);
        return pc + 4;
    default:
        line("FAILED: unexpected trap, scause 0x%lx, stval 0x%lx, sepc 0x%lx", cause, value, pc);
        guest_end(true);
    }
}

// Interrupts are on for one instruction only: behind it they are taken, should one be pending.
static void take(void) {
    csr_set(sstatus, SSTATUS_SIE);
    csr_clear(sstatus, SSTATUS_SIE);
}

void sleep_timer(void) {
    const uint64_t before = noted[EVENT_TIMER];
    // The time is in registers only, and not for long.
    register uint64_t a0 __asm__("a0") = SLEEP_TICKS;
    register uint64_t a1 __asm__("a1") = 0;
    register uint64_t a6 __asm__("a6") = SBI_TIME_SET_TIMER;
    register uint64_t a7 __asm__("a7") = SBI_TIME;
    __asm__ volatile("rdtime t0\n"
                     "add a0, a0, t0\n"
                     "li t0, 0\n"
                     "ecall\n"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a6), "r"(a7)
                     : "memory", "t0");
    mix(a0);
    csr_write(sie, SIE_STIE);
    while (noted[EVENT_TIMER] == before) {
        __asm__ volatile("wfi");
        take();
    }
    csr_write(sie, 0);
}

void sleep_software(bool as_interrupt) {
    csr_write(sie, SIE_SSIE);
    for (;;) {
        if (csr_read(sip) & SIE_SSIE)
            break;
        __asm__ volatile("wfi");
    }
    if (as_interrupt) {
        take();
    } else {
        note(EVENT_SOFTWARE);
        csr_clear(sip, SIE_SSIE);
    }
    csr_write(sie, 0);
}

void console_round(uint64_t round, bool input) {
    static const char text[] = "@ the legacy way, byte by byte;\n";
    static const char block[] = "@ a line of a size that is no power of two, so that the ring's "
                                "end falls on every one of its bytes in the end;\n";
    static uint8_t typed[64];
    for (const char *at = text; *at != '\0'; at++)
        ask(SBI_LEGACY_PUTCHAR, 0, (uint64_t)*at, 0, 0);
    for (uint64_t i = 0; i <= round % 4; i++)
        print_bytes(block, sizeof(block) - 1);
    if (!input) {
        ask(SBI_DBCN, SBI_DBCN_READ, sizeof(typed), (uint64_t)typed, 0);
        mix(typed[0]);
        ask(SBI_LEGACY_GETCHAR, 0, 0, 0, 0);
    }
    line("round %lu: by the debug console", round);
    ask(SBI_DBCN, SBI_DBCN_WRITE_BYTE, '@', 0, 0);
    ask(SBI_DBCN, SBI_DBCN_WRITE_BYTE, ';', 0, 0);
    ask(SBI_DBCN, SBI_DBCN_WRITE_BYTE, '\n', 0, 0);
}

void calls_round(uint64_t own) {
    for (uint64_t function = SBI_BASE_SPEC_VERSION; function <= SBI_BASE_IMPL_VERSION; function++)
        ask(SBI_BASE, function, 0, 0, 0);
    ask(SBI_BASE, SBI_BASE_PROBE, SBI_HSM, 0, 0);
    ask(0x12345678, 0, 0, 0, 0);
    ask(SBI_IPI, SBI_IPI_SEND, 1, own, 0);
    sleep_software(true);
    ask(SBI_IPI, SBI_IPI_SEND, UINT64_C(1) << own, 0, 0);
    sleep_software(false);
    ask(SBI_RFENCE, SBI_RFENCE_FENCE_I, 1, own, 0);
    ask(SBI_RFENCE, SBI_RFENCE_SFENCE, UINT64_MAX, UINT64_MAX, 0);
    ask(SBI_LEGACY_SFENCE, 0, 0, 0, 0);
}

const char *typed_text(uint64_t bytes) {
    static char typed[64];
    uint64_t got = 0;
    while (got < bytes && got < sizeof(typed) - 1)
        got +=
            (uint64_t)SBI_CALL(SBI_DBCN, SBI_DBCN_READ, bytes - got, (uint64_t)typed + got).value;
    return typed;
}
