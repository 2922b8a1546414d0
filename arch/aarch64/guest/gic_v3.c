// Registers as in the Arm GIC Architecture Specification (IHI 0069H), chapter 12.
#include <stddef.h>
#include <stdint.h>

#include "arch/aarch64/guest/gic_driver.h"
#include "arch/aarch64/guest/sysreg.h"

#define GICD_CTLR 0x0000
#define GICD_CTLR_GROUP1 (1u << 1)
#define GICD_CTLR_AFFINITY (1u << 4) // of either security state, as it is seen from this one
#define GICD_CTLR_WRITE_PENDING (1u << 31)

// A redistributor has two frames of 64 KiB, four when it has virtual LPIs.
#define GICR_FRAME 0x10000ul
#define GICR_TYPER 0x0008
#define GICR_TYPER_VLPIS (UINT64_C(1) << 1)
#define GICR_TYPER_LAST (UINT64_C(1) << 4)
#define GICR_TYPER_AFFINITY_SHIFT 32
#define GICR_WAKER 0x0014
#define GICR_WAKER_SLEEP (1u << 1)
#define GICR_WAKER_ASLEEP (1u << 2)
// In the second frame.
#define GICR_IGROUPR0 0x0080
#define GICR_ISENABLER0 0x0100
#define GICR_IPRIORITYR 0x0400

#define PRIORITY 0x80 // above the mask, which lets all pass
#define MASK_NONE 0xff

static volatile uint32_t *reg(volatile void *base, unsigned long offset) {
    return (volatile uint32_t *)((volatile uint8_t *)base + offset);
}

static uint64_t type_of(volatile void *redistributor) {
    return *reg(redistributor, GICR_TYPER) | (uint64_t)*reg(redistributor, GICR_TYPER + 4) << 32;
}

// MPIDR_EL1 has the four parts of the affinity with a gap before the highest.
static uint32_t own_affinity(void) {
    const uint64_t mpidr = sysreg_read(mpidr_el1);
    return (uint32_t)(mpidr & 0xffffff) | (uint32_t)(mpidr >> 32 & 0xff) << 24;
}

static volatile void *find_own(volatile void *redistributors, unsigned long size) {
    for (unsigned long at = 0; size - at >= 2 * GICR_FRAME && at < size;) {
        volatile uint8_t *here = (volatile uint8_t *)redistributors + at;
        const uint64_t type = type_of(here);
        if ((uint32_t)(type >> GICR_TYPER_AFFINITY_SHIFT) == own_affinity())
            return here;
        if (type & GICR_TYPER_LAST)
            break;
        at += (type & GICR_TYPER_VLPIS ? 4 : 2) * GICR_FRAME;
    }
    return NULL;
}

static void wake(volatile void *redistributor) {
    volatile uint32_t *waker = reg(redistributor, GICR_WAKER);
    *waker &= ~GICR_WAKER_SLEEP;
    while (*waker & GICR_WAKER_ASLEEP)
        ;
}

static void enable(volatile void *redistributor, unsigned interrupt) {
    volatile void *frame = (volatile uint8_t *)redistributor + GICR_FRAME;
    *reg(frame, GICR_IGROUPR0) |= 1u << interrupt;
    *((volatile uint8_t *)frame + GICR_IPRIORITYR + interrupt) = PRIORITY;
    *reg(frame, GICR_ISENABLER0) = 1u << interrupt;
}

static bool init(volatile void *distributor, volatile void *redistributors, unsigned long size,
                 unsigned interrupt) {
    *reg(distributor, GICD_CTLR) = GICD_CTLR_GROUP1 | GICD_CTLR_AFFINITY;
    while (*reg(distributor, GICD_CTLR) & GICD_CTLR_WRITE_PENDING)
        ;
    volatile void *own = find_own(redistributors, size);
    if (own == NULL)
        return false;
    wake(own);
    enable(own, interrupt);
    sysreg_write(icc_sre_el1, 1);
    sysreg_sync();
    sysreg_write(icc_pmr_el1, MASK_NONE);
    sysreg_write(icc_ctlr_el1, 0); // the end of an interrupt is one write
    sysreg_write(icc_igrpen1_el1, 1);
    sysreg_sync();
    return true;
}

static unsigned claim(void) {
    const unsigned interrupt = sysreg_read(icc_iar1_el1) & 0xffffff;
    __asm__ volatile("dsb sy" ::: "memory");
    return interrupt;
}

static void end(unsigned interrupt) {
    sysreg_write(icc_eoir1_el1, interrupt);
    sysreg_sync();
}

const struct gic_driver gic_v3 = {{"arm,gic-v3"}, init, claim, end};
