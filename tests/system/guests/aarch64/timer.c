// The virtual timer, whose interrupt comes by the GIC.
#include "tests/system/guests/timer.h"

#include <stddef.h>

#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/gic.h"
#include "arch/aarch64/guest/sysreg.h"
#include "guest/bare.h"

#define TIMER_INTERRUPT 27
#define KIND_IRQ 1

volatile unsigned timer_taken;

void timer_begin(void) {
    struct gic gic;
    if (!gic_find(bare_machine(), &gic) ||
        !gic_init((volatile void *)gic.distributor.base, (volatile void *)gic.cpus.base,
                  gic.cpus.size, TIMER_INTERRUPT)) {
        print("FAILED: there is no GIC for this CPU\n");
        guest_end(true);
    }
}

uint64_t timer_now(void) {
    sysreg_sync();
    return sysreg_read(cntvct_el0);
}

uint64_t timer_second(const struct machine *machine) {
    (void)machine;
    return sysreg_read(cntfrq_el0);
}

const char *timer_use(const struct machine *machine, unsigned way) {
    (void)machine;
    return way == 0 ? "cntv" : NULL;
}

void timer_arm(uint64_t deadline) {
    if (deadline == UINT64_MAX) {
        // Its deadline stays: QEMU 7.2 has no end of work with one that CNTVOFF_EL2 carries past
        // 2^64.
        sysreg_write(cntv_ctl_el0, 0);
    } else {
        sysreg_write(cntv_cval_el0, deadline);
        sysreg_write(cntv_ctl_el0, CNTV_CTL_ENABLE);
    }
    sysreg_sync();
}

// Takes the interrupt that is pending, if there is one.
static bool take(void) {
    const unsigned interrupt = gic_claim();
    timer_arm(UINT64_MAX);
    if (interrupt != GIC_NONE)
        gic_end(interrupt);
    return interrupt == TIMER_INTERRUPT;
}

uint64_t bare_trap(const struct bare_trap *trap) {
    if (trap->kind != KIND_IRQ || !take()) {
        print("FAILED: unexpected trap, kind %lu, ESR 0x%lx, FAR 0x%lx, ELR 0x%lx\n", trap->kind,
              trap->syndrome, trap->address, trap->pc);
        guest_end(true);
    }
    timer_taken++;
    return trap->pc;
}

bool timer_wait(uint64_t deadline) {
    const unsigned before = timer_taken;
    timer_arm(deadline);
    while (timer_taken == before) {
        // While it is masked WFI still ends when it is pending, so it can't be missed.
        __asm__ volatile("wfi\n"
                         "msr daifclr, #2\n"
                         "isb\n"
                         "msr daifset, #2\n" ::
                             : "memory");
    }
    return timer_taken == before + 1 && timer_now() >= deadline;
}

void timer_doze(uint64_t ticks) {
    timer_arm(timer_now() + ticks);
    __asm__ volatile("wfi" ::: "memory");
    take();
}
