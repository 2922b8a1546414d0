#include "arch/aarch64/guest/firmware.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/recovery/guest/aarch64/recovery.h"
#include "tests/system/guests/aarch64/second.h"

#define LINGER_MS 12

static uint64_t first;

static _Noreturn void second_main(uint64_t context) {
    const uint64_t own = sysreg_read(mpidr_el1) & MPIDR_AFFINITY;
    note(EVENT_SECOND);
    mix(own);
    mix(context);
    line("CPU %lu: 0x%lx", own, context);
    touch_next();
    // From here on it stores nothing: the first CPU may run.
    send_software(first);
    firmware_call(PSCI_CPU_OFF, 0, 0, 0);
    // A CPU that goes on after it was stopped shows as one that never stops.
    for (;;)
        __asm__ volatile("wfi");
}

// Lets the other CPU run, for longer than it may need, and leaves no trace of how often.
static void linger(void) {
    const uint64_t ticks = sysreg_read(cntfrq_el0) / 1000 * LINGER_MS;
    __asm__ volatile("mrs x1, cntvct_el0\n"
                     "add x1, x1, %0\n"
                     "1: mrs x2, cntvct_el0\n"
                     "cmp x2, x1\n"
                     "b.lo 1b\n"
                     "mov x1, #0\n"
                     "mov x2, #0\n"
                     "cmp x1, x2\n" ::"r"(ticks)
                     : "x1", "x2", "cc");
}

void cpus_round(uint64_t own, uint64_t other, uint64_t round) {
    const uint64_t entry = second_entry(second_main);
    first = own;
    if (round == 0)
        ask(PSCI_CPU_ON, other, 2, 0); // an address that is none
    ask(PSCI_AFFINITY_INFO, other, 0, 0);
    // The other CPU may run from here on, so nothing is stored before it has finished.
    const uint64_t started = firmware_call(PSCI_CPU_ON, other, entry, round << 8 | 0x5a);
    wait_interrupt(round % 2 == 0);
    mix(started);
    // Its last call may still be under way, and asking again and again would make more calls in one
    // run than in another.
    sleep_timer();
    while (firmware_call(PSCI_AFFINITY_INFO, other, 0, 0) != PSCI_OFF)
        linger();
}
