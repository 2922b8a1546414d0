// Chapters 5 and 12: the consoles, and the other legacy calls.
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "guest/lib/string.h"
#include "guest/mmu.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/riscv64/conformance.h"
#include "tests/system/guests/riscv64/timer.h"

static _Alignas(PAGE_SIZE) char buffer[2 * PAGE_SIZE];

// Buffers that lie where the guest has no memory, at least in part.
static void hostile_buffers(const struct conformance *on, uint64_t function, const char *name) {
    const struct machine_range *memory = &on->machine->memory;
    const uint64_t end = memory->base + memory->size;
    const uint64_t good = (uint64_t)buffer;
    const struct {
        const char *what;
        uint64_t size, low, high;
    } hostile[] = {
        {"just above RAM", 1, end, 0},
        {"far above RAM", 16, end + (UINT64_C(1) << 30), 0},
        {"just below RAM", 1, memory->base - 1, 0},
        {"at address 0", 16, 0, 0},
        {"in a device", 4, 0x10000000, 0},
        {"straddling the start of RAM", 8, memory->base - 4, 0},
        {"straddling the end of RAM", 8, end - 4, 0},
        {"wrapping around", 16, UINT64_MAX - 7, 0},
        {"wrapping around to its start", UINT64_MAX, good, 0},
        {"all the address space", UINT64_MAX, 0, 0},
        {"of 2^63 bytes", UINT64_C(1) << 63, good, 0},
        {"of all RAM and one byte more", memory->size + 1, memory->base, 0},
        {"with a high word", 4, good, 1},
        {"with the top bit of the high word", 4, good, UINT64_C(1) << 63},
        {"above 2^56", 4, UINT64_C(1) << 60, 0},
    };
    for (unsigned i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        const struct sbi_result result =
            SBI_CALL(SBI_DBCN, function, hostile[i].size, hostile[i].low, hostile[i].high);
        check(result.error == SBI_ERR_INVALID_PARAM, "console_%s with a buffer %s: error %ld", name,
              hostile[i].what, result.error);
    }
}

// Writes `size` bytes of text that lie at `at`.
static void write_good(const char *text, size_t size, char *at) {
    memcpy(at, text, size);
    const int64_t written =
        EXPECT(0, "console_write", SBI_DBCN, SBI_DBCN_WRITE, size, (uint64_t)at, 0);
    check(written > 0 && (uint64_t)written <= size, "console_write of %lu bytes took %ld", size,
          written);
}

void conformance_dbcn(const struct conformance *on) {
    (void)on;
    static const char plain[] = "sbi_conformance: written by console_write\n";
    static const char across[] = "sbi_conformance: written across a page\n";
    write_good(plain, sizeof(plain) - 1, buffer);
    write_good(across, sizeof(across) - 1, buffer + PAGE_SIZE - 20);
    check(EXPECT(0, "console_write of nothing", SBI_DBCN, SBI_DBCN_WRITE, 0, (uint64_t)buffer, 0) ==
              0,
          "it wrote something");
    static const char bytes[] = "sbi_conformance: written byte by byte\n";
    for (unsigned i = 0; bytes[i] != '\0'; i++)
        EXPECT(0, "console_write_byte", SBI_DBCN, SBI_DBCN_WRITE_BYTE, (uint64_t)bytes[i]);

    // Nobody types: nothing may be read, and the buffer may not change.
    memset(buffer, 0x5a, sizeof(buffer));
    const int64_t count =
        EXPECT(0, "console_read", SBI_DBCN, SBI_DBCN_READ, 64, (uint64_t)buffer, 0);
    check(count == 0, "console_read gave %ld bytes that nobody typed", count);
    for (unsigned i = 0; i < sizeof(buffer); i++) {
        if (buffer[i] != 0x5a) {
            check(false, "console_read changed byte %u of a buffer it did not fill", i);
            break;
        }
    }
    check(EXPECT(0, "console_read of nothing", SBI_DBCN, SBI_DBCN_READ, 0, (uint64_t)buffer, 0) ==
              0,
          "it read something");
    EXPECT(SBI_ERR_NOT_SUPPORTED, "dbcn function 3", SBI_DBCN, SBI_DBCN_WRITE_BYTE + 1, 0);
}

void conformance_hostile(const struct conformance *on) {
    hostile_buffers(on, SBI_DBCN_WRITE, "write");
    hostile_buffers(on, SBI_DBCN_READ, "read");
}

// A legacy call keeps a1 too, and its result is a0 alone (§5).
static int64_t legacy(const char *what, uint64_t call, uint64_t argument) {
    static const int64_t kept = 0x600d;
    const struct sbi_result result = SBI_CALL(call, 0, argument, kept);
    check(result.value == kept, "legacy %s changed a1", what);
    return result.error;
}

void conformance_legacy(const struct conformance *on) {
    static const char text[] = "sbi_conformance: written by putchar\n";
    static const uint64_t nowhere = UINT64_MAX;
    for (unsigned i = 0; text[i] != '\0'; i++)
        check(legacy("putchar", SBI_LEGACY_PUTCHAR, (uint64_t)text[i]) == 0, "legacy putchar");
    check(legacy("getchar", SBI_LEGACY_GETCHAR, 0) == -1, "legacy getchar read what nobody typed");

    csr_set(sie, SIE_STIE);
    check(legacy("set_timer", SBI_LEGACY_SET_TIMER,
                 csr_read(time) + on->machine->timebase / 1000) == 0,
          "legacy set_timer");
    const unsigned before = timer_taken;
    while (timer_taken == before) {
        __asm__ volatile("wfi");
        csr_set(sstatus, SSTATUS_SIE);
        csr_clear(sstatus, SSTATUS_SIE);
    }
    csr_clear(sie, SIE_STIE);

    // The others may be missing, but must not do harm: their mask's address is the guest's word.
    SBI_CALL(SBI_IPI, SBI_IPI_SEND, 1, on->hart);
    const int64_t cleared = legacy("clear_ipi", SBI_LEGACY_CLEAR_IPI, 0);
    check(cleared >= 0 || cleared == SBI_ERR_NOT_SUPPORTED, "legacy clear_ipi gave %ld", cleared);
    csr_clear(sip, SIE_SSIE);
    const uint64_t mask = UINT64_C(1) << on->hart;
    for (uint64_t call = SBI_LEGACY_SEND_IPI; call <= SBI_LEGACY_SFENCE_ASID; call++) {
        const int64_t error = legacy("fence or send_ipi", call, (uint64_t)&mask);
        check(error == 0 || error == SBI_ERR_NOT_SUPPORTED, "legacy call %lu gave %ld", call,
              error);
        timer_fault_allowed = true;
        SBI_CALL(call, 0, nowhere);
        timer_fault_allowed = false;
    }
    csr_clear(sip, SIE_SSIE);
}

_Noreturn void conformance_legacy_shutdown(void) {
    print("sbi_conformance: shutting down by the legacy call\n");
    SBI_CALL(SBI_LEGACY_SHUTDOWN, 0, 0);
    print("FAILED: the legacy shutdown came back\n");
    guest_end(true);
}
