// Sleeps fifty times for a millisecond with WFI. The counter must have passed each deadline, and
// exactly one interrupt must come for each. How late they are is printed by nobody: a verdict must
// not depend on how fast the machine is.
#include <stddef.h>

#include "tests/system/guests/check.h"
#include "tests/system/guests/timer.h"

#define SLEEPS 50

static void sleep_many(const struct machine *machine, const char *how) {
    const uint64_t millisecond = timer_second(machine) / 1000;
    for (unsigned i = 0; i < SLEEPS; i++) {
        const uint64_t before = timer_now();
        const bool woken = timer_wait(before + millisecond);
        const uint64_t slept = timer_now() - before;
        check(woken && slept >= millisecond, "sleep %u (%s) took %lu of %lu ticks, %u interrupts",
              i, how, slept, millisecond, timer_taken);
    }
    print("wfi_timer: %u sleeps of 1 ms by %s\n", SLEEPS, how);
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    const struct machine *machine = bare_machine();
    check(timer_second(machine) > 0, "the counter's frequency is not known");
    timer_begin();
    for (unsigned way = 0; timer_use(machine, way) != NULL; way++)
        sleep_many(machine, timer_use(machine, way));
    return check_end("wfi_timer");
}
