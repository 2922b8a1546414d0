#include "arch/aarch64/core/gic.h"

#include "arch/aarch64/core/sysreg.h"
#include "arch/irq.h"
#include "kernel/cpu.h"

// Distributor, chapter 12.9.
#define GICD_CTLR 0x0000u
#define GICD_IGROUPR 0x0080u
#define GICD_ISENABLER 0x0100u
#define GICD_ICENABLER 0x0180u
#define GICD_IPRIORITYR 0x0400u
#define GICD_IROUTER 0x6000u
#define GICD_CTLR_GROUP1_ARE 0x12u // EnableGrp1NS (or EnableGrp1), ARE_NS

// Redistributor, chapter 12.10 and 12.11: its second frame has the private interrupts.
#define GICR_WAKER 0x0014u
#define GICR_WAKER_SLEEP 2u
#define GICR_WAKER_ASLEEP 4u
#define GICR_PRIVATE 0x10000u
#define GICR_IGROUPR0 (GICR_PRIVATE + 0x0080u)
#define GICR_ISENABLER0 (GICR_PRIVATE + 0x0100u)
#define GICR_ISACTIVER0 (GICR_PRIVATE + 0x0300u)
#define GICR_ICACTIVER0 (GICR_PRIVATE + 0x0380u)
#define GICR_IPRIORITYR (GICR_PRIVATE + 0x0400u)

#define ICC_SRE_ALL 0xfu
#define ICC_CTLR_EOIMODE 2u
#define PRIORITY 0xa0u
#define WAIT_STEPS 1000000 // for the redistributor to wake: far more than it takes

static uint64_t distributor, redistributor;

static volatile uint32_t *gic_register(uint64_t base, uint64_t offset) {
    return (volatile uint32_t *)(base + offset);
}

static void gic_private(uint32_t intid) {
    *(volatile uint8_t *)(redistributor + GICR_IPRIORITYR + intid) = PRIORITY;
    *gic_register(redistributor, GICR_ISENABLER0) = 1u << intid;
}

void gic_init(uint64_t distributor_at, uint64_t redistributor_at) {
    distributor = distributor_at;
    redistributor = redistributor_at;
    *gic_register(distributor, GICD_CTLR) = GICD_CTLR_GROUP1_ARE;
    *gic_register(redistributor, GICR_WAKER) &= ~GICR_WAKER_SLEEP;
    int steps = 0;
    while ((*gic_register(redistributor, GICR_WAKER) & GICR_WAKER_ASLEEP) && steps < WAIT_STEPS) {
        steps++;
    }
    *gic_register(redistributor, GICR_IGROUPR0) = ~0u;
    gic_private(GIC_MAINTENANCE);
    gic_private(GIC_HOST_TIMER);
    gic_private(GIC_GUEST_TIMER);
    sysreg_write(icc_sre_el2, ICC_SRE_ALL);
    sysreg_sync();
    sysreg_write(icc_pmr_el1, 0xff);
    sysreg_write(icc_bpr1_el1, 0);
    sysreg_write(icc_ctlr_el1, ICC_CTLR_EOIMODE);
    sysreg_write(icc_igrpen1_el1, 1);
    sysreg_sync();
}

uint32_t gic_take(void) {
    uint32_t intid = (uint32_t)sysreg_read(icc_iar1_el1);
    if (intid < 1020) {
        sysreg_write(icc_eoir1_el1, intid);
    }
    return intid;
}

void gic_deactivate(uint32_t intid) { sysreg_write(icc_dir_el1, intid); }

void gic_guest_timer_active(bool active) {
    *gic_register(redistributor, active ? GICR_ISACTIVER0 : GICR_ICACTIVER0) = 1u
                                                                               << GIC_GUEST_TIMER;
}

// A line's number is that of its shared interrupt (SPI), as device trees have it.

void arch_irq_init(const struct bundle_header *bundle) { (void)bundle; } // gic_init has done it

void arch_irq_enable(const struct irq *irq) {
    uint32_t intid = irq->line + GIC_SHARED;
    *gic_register(distributor, GICD_IGROUPR + intid / 32 * 4) |= 1u << intid % 32;
    *(volatile uint8_t *)(distributor + GICD_IPRIORITYR + intid) = PRIORITY;
    *(volatile uint64_t *)(distributor + GICD_IROUTER + 8ull * intid) =
        sysreg_read(mpidr_el1) & 0xff00ffffffull;
    *gic_register(distributor, GICD_ISENABLER + intid / 32 * 4) = 1u << intid % 32;
}

void arch_irq_disable(const struct irq *irq) {
    uint32_t intid = irq->line + GIC_SHARED;
    *gic_register(distributor, GICD_ICENABLER + intid / 32 * 4) = 1u << intid % 32;
    gic_deactivate(intid); // one that was taken and never answered
}

void arch_irq_complete(const struct irq *irq) { gic_deactivate(irq->line + GIC_SHARED); }
