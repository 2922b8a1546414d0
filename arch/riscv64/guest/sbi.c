#include "arch/riscv64/guest/sbi.h"

#include "arch/riscv64/guest/csr.h"

struct sbi_result sbi_call(uint64_t extension, uint64_t function, const uint64_t argument[6]) {
    register uint64_t a0 __asm__("a0") = argument[0];
    register uint64_t a1 __asm__("a1") = argument[1];
    register uint64_t a2 __asm__("a2") = argument[2];
    register uint64_t a3 __asm__("a3") = argument[3];
    register uint64_t a4 __asm__("a4") = argument[4];
    register uint64_t a5 __asm__("a5") = argument[5];
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;
    // All registers but a0 and a1 are kept (SBI 2.0, chapter 3).
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7)
                     : "memory");
    return (struct sbi_result){(int64_t)a0, (int64_t)a1};
}

bool sbi_has(uint64_t extension) {
    struct sbi_result result = SBI_CALL(SBI_BASE, SBI_BASE_PROBE, extension);
    return result.error == SBI_SUCCESS && result.value != 0;
}

_Noreturn void sbi_shutdown(bool failed) {
    SBI_CALL(SBI_SRST, SBI_SRST_RESET, SBI_SRST_TYPE_SHUTDOWN,
             failed ? SBI_SRST_REASON_FAILURE : SBI_SRST_REASON_NONE);
    // Firmware older than SRST has only this; it can't say that something failed.
    SBI_CALL(SBI_LEGACY_SHUTDOWN, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}

void sbi_write(uint64_t at, const char *text, uint64_t size) {
    // A console that is busy may take less than all, or nothing (SBI 2.0 §12.1). One that never
    // takes anything does not stop the guest.
    unsigned patience = 10000;
    while (size > 0 && patience > 0) {
        struct sbi_result result = SBI_CALL(SBI_DBCN, SBI_DBCN_WRITE, size, at, 0);
        if (result.error != SBI_SUCCESS || (uint64_t)result.value > size)
            break;
        if (result.value == 0)
            patience--;
        at += (uint64_t)result.value;
        text += result.value;
        size -= (uint64_t)result.value;
    }
    for (; size > 0 && patience > 0; size--, text++)
        SBI_CALL(SBI_LEGACY_PUTCHAR, 0, (unsigned char)*text);
}

uint64_t sbi_read(uint64_t at, char *to, uint64_t size) {
    const struct sbi_result result = SBI_CALL(SBI_DBCN, SBI_DBCN_READ, size, at, 0);
    if (result.error == SBI_SUCCESS)
        return (uint64_t)result.value <= size ? (uint64_t)result.value : 0;
    uint64_t used = 0;
    while (used < size) {
        // The legacy calls have their one result in a0: a character, or -1.
        const int64_t typed = SBI_CALL(SBI_LEGACY_GETCHAR, 0, 0).error;
        if (typed < 0)
            break;
        to[used++] = (char)typed;
    }
    return used;
}
