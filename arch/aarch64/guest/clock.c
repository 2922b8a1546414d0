#include "arch/aarch64/guest/clock.h"

#include <stddef.h>

#include "arch/aarch64/guest/sysreg.h"
#include "guest/clock.h"

#define NANOSECONDS UINT64_C(1000000000)

static uint64_t frequency;
static uint64_t boot_time; // of day, when the counter was 0

uint64_t clock_nanoseconds(void) {
    sysreg_sync(); // the counter is not read before what was to be done first
    const uint64_t ticks = sysreg_read(cntvct_el0);
    return ticks / frequency * NANOSECONDS + ticks % frequency * NANOSECONDS / frequency;
}

// A PL031's first register counts seconds (Arm DDI 0224, 3.3.1).
void clock_init(const volatile void *rtc) {
    frequency = sysreg_read(cntfrq_el0);
    clock_stop();
    if (rtc != NULL)
        boot_time = *(const volatile uint32_t *)rtc * NANOSECONDS - clock_nanoseconds();
}

void clock_set_deadline(uint64_t nanoseconds) {
    // Rounded up: an interrupt before the deadline would be a wrong one.
    const uint64_t part = nanoseconds % NANOSECONDS * frequency;
    sysreg_write(cntv_cval_el0,
                 nanoseconds / NANOSECONDS * frequency + (part + NANOSECONDS - 1) / NANOSECONDS);
    sysreg_write(cntv_ctl_el0, CNTV_CTL_ENABLE);
    sysreg_sync();
}

void clock_hold(void) {
    sysreg_write(cntv_ctl_el0, CNTV_CTL_ENABLE | CNTV_CTL_MASKED);
    sysreg_sync();
}

void clock_stop(void) {
    sysreg_write(cntv_ctl_el0, 0);
    sysreg_sync();
}

uint64_t clock_time_of_day(void) { return boot_time + clock_nanoseconds(); }
