#include "arch/aarch64/core/gic.h"

#include "arch/aarch64/core/list_hardware.h"
#include "arch/aarch64/core/sysreg.h"
#include "arch/irq.h"
#include "arch/panic.h"
#include "arch/space.h"
#include "ipc/bundle.h"

// Distributor (GICv3, 12.9; GICv2, 4.3), and the second frame of a redistributor (GICv3, 12.11),
// which has each CPU's private interrupts. In a GICv2 these are the distributor's, too.
#define GICD_CTLR 0x0000u
#define GICD_IGROUPR 0x0080u
#define GICD_ISENABLER 0x0100u
#define GICD_ICENABLER 0x0180u
#define GICD_ISACTIVER 0x0300u
#define GICD_ICACTIVER 0x0380u
#define GICD_IPRIORITYR 0x0400u
#define GICD_ITARGETSR 0x0800u
#define GICD_IROUTER 0x6000u
#define GICD_CTLR_GROUP1_ARE 0x12u // EnableGrp1NS (or EnableGrp1), ARE_NS
#define GICD_CTLR_GROUP0 1u        // of a GICv2 that shows but one group: that one
#define GICD_V2_PIDR2 0x0fe8u
#define GICD_PIDR2_VERSION(value) ((value) >> 4 & 15)

// Redistributor, first frame (GICv3, 12.10).
#define GICR_WAKER 0x0014u
#define GICR_WAKER_SLEEP 2u
#define GICR_WAKER_ASLEEP 4u
#define GICR_PRIVATE 0x10000u

// The CPU interface of a GICv2 (4.4).
#define GICC_CTLR 0x0000u
#define GICC_PMR 0x0004u
#define GICC_BPR 0x0008u
#define GICC_IAR 0x000cu
#define GICC_EOIR 0x0010u
#define GICC_DIR 0x1000u
#define GICC_CTLR_EOIMODE_ENABLE 0x201u
#define GICC_INTID(value) ((value) & 0x3ff) // beside it: which CPU sent an SGI

#define ICC_SRE_ALL 0xfu
#define ICC_CTLR_EOIMODE 2u
#define PRIORITY 0xa0u
#define WAIT_STEPS 1000000 // for the redistributor to wake: far more than it takes

static uint64_t distributor;
static uint64_t privates;  // where the registers of this CPU's own interrupts are
static uint64_t interface; // the CPU interface of a GICv2; 0: system registers

static volatile uint32_t *gic_register(uint64_t base, uint64_t offset) {
    return (volatile uint32_t *)(base + offset);
}

// AT is where the registers of that interrupt are.
static void gic_enable(uint64_t at, uint32_t intid) {
    *(volatile uint8_t *)(at + GICD_IPRIORITYR + intid) = PRIORITY;
    *gic_register(at, GICD_ISENABLER + intid / 32 * 4) = 1u << intid % 32;
}

static void gic_init_v3(uint64_t redistributor) {
    panic_unless(sysreg_field(id_aa64pfr0_el1, 24),
                 "the manifest has a GICv3, but this machine's CPU lacks one's system registers "
                 "(QEMU: -machine virt,gic-version=3); its MIDR is",
                 sysreg_read(midr_el1));
    privates = redistributor + GICR_PRIVATE;
    *gic_register(distributor, GICD_CTLR) = GICD_CTLR_GROUP1_ARE;
    *gic_register(redistributor, GICR_WAKER) &= ~GICR_WAKER_SLEEP;
    int steps = 0;
    while ((*gic_register(redistributor, GICR_WAKER) & GICR_WAKER_ASLEEP) && steps < WAIT_STEPS) {
        steps++;
    }
    *gic_register(privates, GICD_IGROUPR) = ~0u;
    sysreg_write(icc_sre_el2, ICC_SRE_ALL);
    sysreg_sync();
    sysreg_write(icc_pmr_el1, 0xff);
    sysreg_write(icc_bpr1_el1, 0);
    sysreg_write(icc_ctlr_el1, ICC_CTLR_EOIMODE);
    sysreg_write(icc_igrpen1_el1, 1);
    sysreg_sync();
}

// Groups stay as they are: where this side is the non-secure one it sees a single group, and where
// there is no other side all are in group 0 from reset on (GICv2, 4.3.4).
static void gic_init_v2(uint64_t interface_at) {
    uint32_t identity = *gic_register(distributor, GICD_V2_PIDR2);
    panic_unless(GICD_PIDR2_VERSION(identity) == 2,
                 "the manifest has a GICv2, but this machine's controller is none "
                 "(QEMU: -machine virt,gic-version=2); its GICD_PIDR2 is",
                 identity);
    privates = distributor;
    interface = interface_at;
    *gic_register(distributor, GICD_CTLR) = GICD_CTLR_GROUP0;
    *gic_register(interface, GICC_PMR) = 0xff;
    *gic_register(interface, GICC_BPR) = 0;
    *gic_register(interface, GICC_CTLR) = GICC_CTLR_EOIMODE_ENABLE;
}

void arch_irq_init(const struct bundle_header *bundle) {
    distributor = bundle->controller[0] + ARCH_DIRECT_BASE;
    if (bundle->controller_kind == BUNDLE_GICV2) {
        gic_init_v2(bundle->controller[1] + ARCH_DIRECT_BASE);
        list_hardware_init(bundle->controller[2] + ARCH_DIRECT_BASE);
    } else {
        panic_unless(bundle->controller_kind == BUNDLE_GICV3,
                     "the boot bundle has no interrupt controller of this architecture, but kind",
                     bundle->controller_kind);
        gic_init_v3(bundle->controller[1] + ARCH_DIRECT_BASE);
        list_hardware_init(0);
    }
    gic_enable(privates, GIC_MAINTENANCE);
    gic_enable(privates, GIC_HOST_TIMER);
    gic_enable(privates, GIC_GUEST_TIMER);
}

// "None" is ended like others: controllers ignore that.
uint32_t gic_take(void) {
    if (unlikely(interface)) {
        uint32_t taken = *gic_register(interface, GICC_IAR);
        *gic_register(interface, GICC_EOIR) = taken;
        return GICC_INTID(taken);
    }
    uint32_t intid = (uint32_t)sysreg_read(icc_iar1_el1);
    sysreg_write(icc_eoir1_el1, intid);
    return intid;
}

void gic_deactivate(uint32_t intid) {
    if (unlikely(interface)) {
        *gic_register(interface, GICC_DIR) = intid;
    } else {
        sysreg_write(icc_dir_el1, intid);
    }
}

void gic_guest_timer_active(bool active) {
    *gic_register(privates, active ? GICD_ISACTIVER : GICD_ICACTIVER) = 1u << GIC_GUEST_TIMER;
}

// A line's number is that of its shared interrupt (SPI), as device trees have it.

void arch_irq_enable(const struct irq *irq) {
    uint32_t intid = irq->line + GIC_SHARED;
    if (interface) { // to this CPU, which its private interrupts are for
        *(volatile uint8_t *)(distributor + GICD_ITARGETSR + intid) =
            *(volatile uint8_t *)(distributor + GICD_ITARGETSR);
    } else {
        *gic_register(distributor, GICD_IGROUPR + intid / 32 * 4) |= 1u << intid % 32;
        *(volatile uint64_t *)(distributor + GICD_IROUTER + 8ull * intid) =
            sysreg_read(mpidr_el1) & 0xff00ffffffull;
    }
    gic_enable(distributor, intid);
}

void arch_irq_disable(const struct irq *irq) {
    uint32_t intid = irq->line + GIC_SHARED;
    *gic_register(distributor, GICD_ICENABLER + intid / 32 * 4) = 1u << intid % 32;
    gic_deactivate(intid); // one that was taken and never answered
}

void arch_irq_complete(const struct irq *irq) { gic_deactivate(irq->line + GIC_SHARED); }
