// The local APIC's timer by its deadlines, and the time stamp counter.
#include "tests/system/guests/timer.h"

#include <stddef.h>

#include "arch/x86_64/guest/apic.h"
#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/hypervisor.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/bare.h"

#define HERTZ_A_KILOHERTZ UINT64_C(1000)

volatile unsigned timer_taken;

static volatile void *here(struct phys at, uint64_t size) {
    (void)size;
    return (volatile void *)(uintptr_t)at.raw;
}

void timer_begin(void) {
    apic_init(here);
    if (!apic_takes_deadlines()) {
        print("FAILED: the timer takes no deadlines\n");
        guest_end(true);
    }
}

uint64_t timer_now(void) { return x86_time_stamp(); }

uint64_t timer_second(const struct machine *machine) {
    (void)machine;
    return x86_cpuid(HYPERVISOR_LEAF_FREQUENCIES).a * HERTZ_A_KILOHERTZ;
}

const char *timer_use(const struct machine *machine, unsigned way) {
    (void)machine;
    return way == 0 ? "deadline" : NULL;
}

void timer_arm(uint64_t deadline) { apic_set_deadline(deadline == UINT64_MAX ? 0 : deadline); }

// Those of a CPU that dozes are not counted.
static volatile bool dozing[MACHINE_CPUS_MAX];

static unsigned this_cpu(void) {
    return x86_cpuid(CPUID_FEATURES).b >> CPUID_FEATURES_B_APIC_ID_SHIFT;
}

void bare_trap(struct trap_frame *frame) {
    if (frame->vector != VECTOR_TIMER) {
        print("FAILED: unexpected trap, vector %lu, error 0x%lx, CR2 0x%lx, RIP 0x%lx\n",
              frame->vector, frame->error, x86_read_cr(2), frame->rip);
        guest_end(true);
    }
    const unsigned cpu = this_cpu();
    if (dozing[cpu])
        dozing[cpu] = false;
    else
        timer_taken++;
    apic_end();
}

bool timer_wait(uint64_t deadline) {
    const unsigned before = timer_taken;
    timer_arm(deadline);
    // Behind STI one more instruction is executed before an interrupt: it can't come before HLT.
    while (timer_taken == before)
        __asm__ volatile("sti\nhlt\ncli" ::: "memory");
    return timer_taken == before + 1 && timer_now() >= deadline;
}

void timer_doze(uint64_t ticks) {
    const unsigned cpu = this_cpu();
    dozing[cpu] = true;
    timer_arm(timer_now() + ticks);
    while (dozing[cpu])
        __asm__ volatile("sti\nhlt\ncli" ::: "memory");
}
