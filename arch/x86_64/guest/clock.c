// Time is the time stamp counter's, deadlines are the LAPIC timer's. On a PC neither says how fast
// it runs: both are measured against the power management timer (ACPI 6.5, chapter 4.8.3.3). Our
// hypervisor says it (hypervisor.h).
#include "arch/x86_64/guest/clock.h"

#include <stdint.h>

#include "arch/x86_64/guest/apic.h"
#include "arch/x86_64/guest/hypervisor.h"
#include "arch/x86_64/guest/rtc.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/clock.h"

#define NANOSECONDS UINT64_C(1000000000)
#define HERTZ_A_KILOHERTZ UINT64_C(1000)

// Of QEMU's q35, as its FADT says. The upper 8 bits may be missing.
#define PM_TIMER_PORT 0x608
#define PM_TIMER_FREQUENCY 3579545
#define PM_TIMER_MASK 0xffffff
#define PM_TIMER_MEASURED (PM_TIMER_FREQUENCY / 50)
// How often both ends of the measurement are read: a machine may be stopped between two counters.
#define READINGS 8
// One that does not count is none.
#define PATIENCE 100000000

static uint64_t frequency;       // of the time stamp counter
static uint64_t timer_frequency; // of the LAPIC's timer
static uint64_t boot_time;       // of day, when the counter was 0

struct reading {
    uint64_t stamp;
    uint32_t pm, timer;
};

// The one of several that took least: its counters belong together best.
static struct reading read_counters(void) {
    struct reading best = {0};
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < READINGS; i++) {
        const uint64_t before = x86_time_stamp();
        const struct reading now = {
            .pm = x86_in32(PM_TIMER_PORT), .timer = apic_count(), .stamp = x86_time_stamp()};
        if (now.stamp - before < least) {
            least = now.stamp - before;
            best = now;
        }
    }
    return best;
}

static bool measure(void) {
    apic_set_count(UINT32_MAX);
    const struct reading first = read_counters();
    struct reading last = first;
    for (unsigned i = 0; (last.pm - first.pm & PM_TIMER_MASK) < PM_TIMER_MEASURED; i++) {
        if (i == PATIENCE)
            return false;
        last = read_counters();
    }
    apic_set_count(0);
    const uint64_t passed = last.pm - first.pm & PM_TIMER_MASK;
    frequency = (last.stamp - first.stamp) * PM_TIMER_FREQUENCY / passed;
    timer_frequency = (uint64_t)(first.timer - last.timer) * PM_TIMER_FREQUENCY / passed;
    return frequency != 0 && timer_frequency != 0;
}

static bool ask(void) {
    const struct x86_cpuid said = x86_cpuid(HYPERVISOR_LEAF_FREQUENCIES);
    frequency = said.a * HERTZ_A_KILOHERTZ;
    timer_frequency = said.b * HERTZ_A_KILOHERTZ;
    return frequency != 0 && timer_frequency != 0;
}

static uint64_t nanoseconds_at(uint64_t stamp) {
    return stamp / frequency * NANOSECONDS + stamp % frequency * NANOSECONDS / frequency;
}

bool clock_init(void) {
    const uint64_t seconds = rtc_read();
    const uint64_t stamp = x86_time_stamp();
    if (!(hypervisor_is_there() ? ask() : measure()))
        return false;
    if (seconds != 0)
        boot_time = seconds * NANOSECONDS - nanoseconds_at(stamp);
    clock_stop();
    return true;
}

uint64_t clock_nanoseconds(void) { return nanoseconds_at(x86_time_stamp()); }

// One second at most: the count has 32 bits.
static uint32_t count_until(uint64_t stamp) {
    const uint64_t now = x86_time_stamp();
    const uint64_t ticks = stamp > now ? stamp - now : 1;
    uint64_t count = timer_frequency;
    if (ticks < frequency)
        count = (ticks * timer_frequency + frequency - 1) / frequency;
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

void clock_set_deadline(uint64_t nanoseconds) {
    // Rounded up: an interrupt before the deadline would be a wrong one.
    const uint64_t part = nanoseconds % NANOSECONDS * frequency;
    const uint64_t stamp =
        nanoseconds / NANOSECONDS * frequency + (part + NANOSECONDS - 1) / NANOSECONDS;
    if (apic_takes_deadlines())
        apic_set_deadline(stamp);
    else
        apic_set_count(count_until(stamp));
}

void clock_stop(void) {
    if (apic_takes_deadlines())
        apic_set_deadline(0);
    else
        apic_set_count(0);
}

uint64_t clock_time_of_day(void) { return boot_time + clock_nanoseconds(); }
