// The FP registers and fcsr are the guest's across firmware calls and interrupts.
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/riscv64/timer.h"

#define ROUNDS 200
#define FIELDS 0xff // fcsr: frm and fflags

// The rest of the guest is compiled without FP, so that nothing but this touches it.
#define FP_REGISTERS                                                                               \
    "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"

static void load_all(const uint64_t value[32], uint64_t fcsr) {
    __asm__ volatile(".option push\n"
                     ".option arch, +d\n"
                     ".irp n, " FP_REGISTERS "\n"
                     "fld f\\n, 8*\\n(%0)\n"
                     ".endr\n"
                     "fscsr %1\n"
                     ".option pop\n" ::"r"(value),
                     "r"(fcsr)
                     : "memory");
}

static uint64_t store_all(uint64_t value[32]) {
    uint64_t fcsr;
    __asm__ volatile(".option push\n"
                     ".option arch, +d\n"
                     ".irp n, " FP_REGISTERS "\n"
                     "fsd f\\n, 8*\\n(%1)\n"
                     ".endr\n"
                     "frcsr %0\n"
                     ".option pop\n"
                     : "=&r"(fcsr)
                     : "r"(value)
                     : "memory");
    return fcsr;
}

// Something that leaves the guest, by turns.
static void leave(const struct machine *machine, unsigned round) {
    static const char text[] = "fp: written while the registers are in use\n";
    if (round % 50 == 0)
        print_bytes(text, sizeof(text) - 1);
    SBI_CALL(SBI_BASE, SBI_BASE_PROBE, round);
    if (round % 4 == 0)
        check(timer_wait(csr_read(time) + machine->timebase / 10000), "round %u: the timer", round);
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    const struct machine *machine = bare_machine();
    csr_set(sstatus, SSTATUS_FS);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t before[32], after[32];
        for (unsigned i = 0; i < 32; i++)
            before[i] = check_random();
        // A rounding mode from 0 to 4 and some flags.
        const uint64_t fcsr = (round % 5) << 5 | (round & 31);
        load_all(before, fcsr);
        leave(machine, round);
        const uint64_t fcsr_after = store_all(after);
        check(fcsr_after == (fcsr & FIELDS), "round %u: fcsr 0x%lx became 0x%lx", round, fcsr,
              fcsr_after);
        for (unsigned i = 0; i < 32; i++)
            check(before[i] == after[i], "round %u: f%u 0x%lx became 0x%lx", round, i, before[i],
                  after[i]);
    }
    return check_end("fp");
}
