// A GICv3 (Arm IHI 0069, chapter 12): redistributors, and the CPU interface's system registers.
#include "tests/system/guests/aarch64/interrupts_gic.h"

#define GICD_CTLR_ARE 0x10u
#define GICD_CTLR_GROUP1 0x02u
#define GICD_ROUTER 0x6000u

#define GICR_WAKER 0x14u
#define GICR_WAKER_SLEEP 2u
#define GICR_WAKER_ASLEEP 4u
#define GICR_OWN 0x10000u  // the frame of private interrupts
#define GICR_SIZE 0x20000u // of each CPU; CPU n has affinity n here

#define ICC_CTLR_EOIMODE 2u
#define SGI_TO_ALL_OTHERS (UINT64_C(1) << 40)

volatile uint8_t *gic_private_frame(void) {
    return gic_cpus + (uint64_t)this_cpu() * GICR_SIZE + GICR_OWN;
}

static void begin_cpu(unsigned cpu) {
    volatile uint8_t *redistributor = gic_cpus + (uint64_t)cpu * GICR_SIZE;
    *gic_word(redistributor, GICR_WAKER) &= ~GICR_WAKER_SLEEP;
    while (*gic_word(redistributor, GICR_WAKER) & GICR_WAKER_ASLEEP) {
    }
}

static void begin_interface(void) {
    sysreg_write(icc_sre_el1, 1);
    sysreg_sync();
    sysreg_write(icc_pmr_el1, 0xff);
    sysreg_write(icc_bpr1_el1, 0);
    sysreg_write(icc_ctlr_el1, 0);
    sysreg_write(icc_igrpen1_el1, 1);
    sysreg_sync();
}

static void route(unsigned intid, uint64_t cpu) {
    *(volatile uint64_t *)(gic_distributor + GICD_ROUTER + 8ull * intid) = cpu;
}

static unsigned take(void) { return (unsigned)sysreg_read(icc_iar1_el1); }

static void end(unsigned intid) { sysreg_write(icc_eoir1_el1, intid); }

static unsigned running(void) { return (unsigned)sysreg_read(icc_rpr_el1); }

static void mask(unsigned value) {
    sysreg_write(icc_pmr_el1, value);
    sysreg_sync();
}

static void split_ends(bool on) {
    sysreg_write(icc_ctlr_el1, on ? ICC_CTLR_EOIMODE : 0);
    sysreg_sync();
}

static void deactivate(unsigned intid) {
    sysreg_write(icc_dir_el1, intid);
    sysreg_sync();
}

static void send(unsigned sgi, uint32_t targets) {
    sysreg_write(icc_sgi1r_el1,
                 (uint64_t)sgi << 24 | (targets == TO_ALL_OTHERS ? SGI_TO_ALL_OTHERS : targets));
    sysreg_sync();
}

const struct gic_version gic_version_v3 = {
    .compatible = {"arm,gic-v3"},
    .control = GICD_CTLR_ARE | GICD_CTLR_GROUP1,
    .control_off = GICD_CTLR_ARE,
    .groups = ~0u,
    .begin_cpu = begin_cpu,
    .begin_interface = begin_interface,
    .route = route,
    .take = take,
    .end = end,
    .running = running,
    .mask = mask,
    .split_ends = split_ends,
    .deactivate = deactivate,
    .send = send,
};
