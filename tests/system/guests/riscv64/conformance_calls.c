// Chapters 3 to 4 and 6 to 10: all but the consoles.
#include "arch/riscv64/guest/bare.h"
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/riscv64/conformance.h"
#include "tests/system/guests/riscv64/timer.h"

int64_t conformance_expect(int64_t error, const char *what, uint64_t extension, uint64_t function,
                           const uint64_t argument[6]) {
    const struct sbi_result result = sbi_call(extension, function, argument);
    check(result.error == error, "%s: error %ld, not %ld", what, result.error, error);
    return result.value;
}

// Chapter 3: a call keeps every register but a0 and a1. The assembly fills all the others that the
// compiler lets it have, calls, and adds up what differs.
static uint64_t registers_changed(void) {
    uint64_t changed;
    __asm__ volatile(
        "addi sp, sp, -16\n"
        "sd sp, 0(sp)\n"
        "mv t0, sp\n"
        ".irp r, ra,gp,tp,t1,t2,t3,t4,t5,t6,s1,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11,a2,a3,a4,a5\n"
        "addi t0, t0, 0x55\n"
        "mv \\r, t0\n"
        ".endr\n"
        "li a0, 0x54494d45\n"
        "li a6, 3\n"
        "li a7, 0x10\n"
        "ecall\n"
        "ld a1, 0(sp)\n"
        "sub a1, a1, sp\n"
        "snez a0, a1\n"
        "addi a6, a6, -3\n"
        "snez a6, a6\n"
        "add a0, a0, a6\n"
        "addi a7, a7, -0x10\n"
        "snez a7, a7\n"
        "add a0, a0, a7\n"
        "mv a1, sp\n"
        ".irp r, ra,gp,tp,t1,t2,t3,t4,t5,t6,s1,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11,a2,a3,a4,a5\n"
        "addi a1, a1, 0x55\n"
        "sub \\r, \\r, a1\n"
        "snez \\r, \\r\n"
        "add a0, a0, \\r\n"
        ".endr\n"
        "sub t0, t0, a1\n"
        "snez t0, t0\n"
        "add a0, a0, t0\n"
        "addi sp, sp, 16\n"
        "mv %0, a0\n"
        : "=r"(changed)
        :
        : "memory", "ra", "gp", "tp", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "s1", "s2", "s3",
          "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "a0", "a1", "a2", "a3", "a4", "a5",
          "a6", "a7");
    return changed;
}

void conformance_base(const struct conformance *on) {
    (void)on;
    static const uint64_t mandatory[] = {SBI_BASE, SBI_TIME, SBI_IPI, SBI_RFENCE,
                                         SBI_HSM,  SBI_SRST, SBI_DBCN};
    const int64_t version = EXPECT(0, "get_spec_version", SBI_BASE, SBI_BASE_SPEC_VERSION, 0);
    // Bits 30:24 are the major version, bit 31 is zero.
    check(version >> 24 == 2, "the version is 0x%lx", version);
    EXPECT(0, "get_impl_id", SBI_BASE, SBI_BASE_IMPL_ID, 0);
    EXPECT(0, "get_impl_version", SBI_BASE, SBI_BASE_IMPL_VERSION, 0);
    EXPECT(0, "get_mvendorid", SBI_BASE, SBI_BASE_MVENDORID, 0);
    EXPECT(0, "get_marchid", SBI_BASE, SBI_BASE_MARCHID, 0);
    EXPECT(0, "get_mimpid", SBI_BASE, SBI_BASE_MIMPID, 0);
    for (unsigned i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++) {
        const int64_t there = EXPECT(0, "probe", SBI_BASE, SBI_BASE_PROBE, mandatory[i]);
        check(there != 0, "extension 0x%lx is not there", mandatory[i]);
    }
    check(EXPECT(0, "probe of nothing", SBI_BASE, SBI_BASE_PROBE, 0x12345678) == 0, "it is there");
    EXPECT(SBI_ERR_NOT_SUPPORTED, "base function 7", SBI_BASE, 7, 0);
    const uint64_t changed = registers_changed();
    check(changed == 0, "a call changed %lu registers other than a0 and a1", changed);
}

void conformance_time(const struct conformance *on) {
    const uint64_t millisecond = on->machine->timebase / 1000;
    EXPECT(0, "set_timer", SBI_TIME, SBI_TIME_SET_TIMER, csr_read(time) + 1000 * millisecond);
    check(timer_wait(csr_read(time) + millisecond), "no single timer interrupt after its deadline");
    check(timer_wait(0), "no single timer interrupt for a deadline in the past");
    // The trap function has set a timer that never comes: nothing may be pending now.
    const unsigned before = timer_taken;
    csr_set(sstatus, SSTATUS_SIE);
    const uint64_t since = csr_read(time);
    uint64_t waited = 0;
    while (waited < 2 * millisecond)
        waited = csr_read(time) - since;
    csr_clear(sstatus, SSTATUS_SIE);
    check(timer_taken == before, "set_timer did not clear the pending interrupt");
    csr_clear(sie, SIE_STIE);
    EXPECT(SBI_ERR_NOT_SUPPORTED, "time function 1", SBI_TIME, 1, 0);
}

// Sends, then looks whether the interrupt came, and clears it as a guest does.
static void send_ipi(const char *what, uint64_t mask, uint64_t base, int64_t error, bool arrives) {
    csr_clear(sip, SIE_SSIE);
    EXPECT(error, what, SBI_IPI, SBI_IPI_SEND, mask, base);
    const bool arrived = (csr_read(sip) & SIE_SSIE) != 0;
    check(arrived == arrives, "%s: an interrupt %s", what, arrived ? "came" : "did not come");
    csr_clear(sip, SIE_SSIE);
    check((csr_read(sip) & SIE_SSIE) == 0, "%s: sip.SSIP can't be cleared", what);
}

void conformance_ipi(const struct conformance *on) {
    send_ipi("send_ipi to this hart", 1, on->hart, 0, true);
    send_ipi("send_ipi to all harts", 0, UINT64_MAX, 0, true);
    send_ipi("send_ipi to no hart", 0, on->hart, 0, false);
    send_ipi("send_ipi to hart 1000", 1, 1000, SBI_ERR_INVALID_PARAM, false);
    send_ipi("send_ipi to hart 2^64 - 2", 1, UINT64_MAX - 1, SBI_ERR_INVALID_PARAM, false);
    EXPECT(SBI_ERR_NOT_SUPPORTED, "ipi function 1", SBI_IPI, 1, 1, on->hart);
}

void conformance_rfence(const struct conformance *on) {
    EXPECT(0, "fence_i", SBI_RFENCE, SBI_RFENCE_FENCE_I, 1, on->hart);
    EXPECT(0, "sfence of a page", SBI_RFENCE, SBI_RFENCE_SFENCE, 1, on->hart, 0x1000, 0x1000);
    EXPECT(0, "sfence of all", SBI_RFENCE, SBI_RFENCE_SFENCE, 1, on->hart, 0, UINT64_MAX);
    EXPECT(0, "sfence on all harts", SBI_RFENCE, SBI_RFENCE_SFENCE, 0, UINT64_MAX, 0, 0);
    EXPECT(0, "sfence of an ASID", SBI_RFENCE, SBI_RFENCE_SFENCE_ASID, 1, on->hart, 0x1000, 0x1000,
           7);
    EXPECT(SBI_ERR_INVALID_PARAM, "fence_i on hart 1000", SBI_RFENCE, SBI_RFENCE_FENCE_I, 1, 1000);
    EXPECT(SBI_ERR_NOT_SUPPORTED, "rfence function 7", SBI_RFENCE, SBI_RFENCE_LAST + 1, 1,
           on->hart);
}

void conformance_hsm(const struct conformance *on) {
    const int64_t status = EXPECT(0, "hart_get_status", SBI_HSM, SBI_HSM_STATUS, on->hart);
    check(status == SBI_HSM_STARTED, "this hart's status is %ld", status);
    EXPECT(SBI_ERR_INVALID_PARAM, "status of hart 1000", SBI_HSM, SBI_HSM_STATUS, 1000);
    EXPECT(SBI_ERR_INVALID_PARAM, "start of hart 1000", SBI_HSM, SBI_HSM_START, 1000, 0x80200000,
           0);
    EXPECT(SBI_ERR_ALREADY_AVAILABLE, "start of this hart", SBI_HSM, SBI_HSM_START, on->hart,
           0x80200000, 0);
    EXPECT(SBI_ERR_INVALID_PARAM, "suspend of a reserved type", SBI_HSM, SBI_HSM_SUSPEND, 1, 0, 0);
    // The default retentive suspend: like WFI, or not there.
    csr_set(sie, SIE_STIE);
    timer_arm(csr_read(time) + on->machine->timebase / 1000);
    const struct sbi_result suspended = SBI_CALL(SBI_HSM, SBI_HSM_SUSPEND, 0, 0, 0);
    check(suspended.error == SBI_SUCCESS || suspended.error == SBI_ERR_NOT_SUPPORTED,
          "retentive suspend gave %ld", suspended.error);
    timer_arm(UINT64_MAX);
    csr_clear(sie, SIE_STIE);
    EXPECT(SBI_ERR_NOT_SUPPORTED, "hsm function 4", SBI_HSM, SBI_HSM_SUSPEND + 1, 0);
}

void conformance_srst(const struct conformance *on) {
    (void)on;
    EXPECT(SBI_ERR_INVALID_PARAM, "reset of a reserved type", SBI_SRST, SBI_SRST_RESET, 3, 0);
    EXPECT(SBI_ERR_INVALID_PARAM, "reset of the last reserved type", SBI_SRST, SBI_SRST_RESET,
           0xefffffff, 0);
    EXPECT(SBI_ERR_INVALID_PARAM, "reset for a reserved reason", SBI_SRST, SBI_SRST_RESET, 0, 2);
    EXPECT(SBI_ERR_NOT_SUPPORTED, "srst function 1", SBI_SRST, 1, 0, 0);
}
