// The virtual count of a VM: it begins with the VM's first CPU, and all of its CPUs have the same.
// And deadlines that no clock comes to, or that have passed all along. With a second CPU, if the
// machine has one.
#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/entry.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/aarch64/second.h"
#include "tests/system/guests/check.h"

#define CPU_ON 0xc4000003u
#define ISTATUS 4u

static volatile uint64_t second_offset;

// By how much the virtual count is behind the machine's. Both are read within a tick.
static uint64_t offset(void) {
    uint64_t before, physical, after;
    for (;;) {
        __asm__ volatile("isb\n"
                         "mrs %0, cntvct_el0\n"
                         "isb\n"
                         "mrs %1, cntpct_el0\n"
                         "isb\n"
                         "mrs %2, cntvct_el0\n"
                         : "=r"(before), "=r"(physical), "=r"(after)::"memory");
        if (before == after)
            return physical - after;
    }
}

static uint64_t now(void) { return sysreg_read(cntvct_el0); }

static _Noreturn void second_main(uint64_t context) {
    (void)context;
    second_offset = offset();
    for (;;)
        __asm__ volatile("wfi");
}

static void begin(uint64_t cpu) {
    const struct machine *machine = bare_machine();
    const uint64_t second = sysreg_read(cntfrq_el0);
    const uint64_t began = offset(); // by the machine's count
    print("count: begins at %lu\n", began);
    // A VM beside it may have its turn first.
    check(entry_counter < second / 20, "the first count is 0x%lx", entry_counter);
    check(began > 0 && began < sysreg_read(cntpct_el0), "the VM began at %lu", began);
    if (machine->cpus > 1) {
        const uint64_t other = machine->cpu_id[0] == cpu ? machine->cpu_id[1] : machine->cpu_id[0];
        const int64_t error = firmware_call(CPU_ON, other, second_entry(second_main), 0);
        check(error == 0, "CPU_ON: %ld", error);
        const uint64_t end = sysreg_read(cntvct_el0) + 20 * second;
        while (second_offset == 0 && now() < end)
            __asm__ volatile("yield" ::: "memory");
        check(second_offset == began, "the CPUs' offsets are 0x%lx and 0x%lx", began,
              second_offset);
    }
}

// Whether DEADLINE has passed is what the timer says, and nothing hangs.
static void deadline(uint64_t deadline) {
    sysreg_write(cntv_cval_el0, deadline);
    sysreg_write(cntv_ctl_el0, CNTV_CTL_ENABLE | CNTV_CTL_MASKED);
    sysreg_sync();
    const bool passed = sysreg_read(cntv_ctl_el0) & ISTATUS;
    check(passed == (deadline <= sysreg_read(cntvct_el0)), "0x%lx has passed: %d", deadline,
          (int)passed);
    // Unmasked, to be awaited for a while by whoever runs when.
    sysreg_write(cntv_ctl_el0, CNTV_CTL_ENABLE);
    sysreg_sync();
    const uint64_t end = sysreg_read(cntvct_el0) + sysreg_read(cntfrq_el0) / 1000;
    while (now() < end)
        __asm__ volatile("yield" ::: "memory");
    check(sysreg_read(cntv_cval_el0) == deadline, "0x%lx is another one now", deadline);
    sysreg_write(cntv_ctl_el0, 0);
    sysreg_sync();
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    begin(cpu);
    const uint64_t began = offset();
    // None that CNTVOFF_EL2 carries past 2^64, with which QEMU before 8.2 has no end of work.
    const uint64_t deadlines[] = {
        0 - 2 * began, 1ul << 63, INT64_MAX, INT64_MAX / 16, INT64_MAX / 16 + 1,
        1ul << 60,     0,         1,         began,
    };
    for (unsigned i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++)
        deadline(deadlines[i]);
    return check_end("count");
}
