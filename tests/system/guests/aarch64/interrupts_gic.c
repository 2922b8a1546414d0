// The registers.
#include "tests/system/guests/aarch64/interrupts.h"

#define GICD_CTLR 0x0u
#define GICD_CTLR_GROUP1_ARE 0x12u
#define GICD_ROUTER 0x6000u
#define IGROUPR 0x80u
#define IPRIORITYR 0x400u
#define ICFGR 0xc00u

#define GICR_WAKER 0x14u
#define GICR_WAKER_SLEEP 2u
#define GICR_WAKER_ASLEEP 4u
#define GICR_OWN 0x10000u  // the frame of private interrupts
#define GICR_SIZE 0x20000u // of each CPU; CPU n has affinity n here

#define LOWEST 0xf0 // the watchdog's
#define PATIENCE_S 2

static volatile uint8_t *distributor, *redistributors;

unsigned this_cpu(void) { return sysreg_read(mpidr_el1) & 0xff; }

static volatile uint8_t *own(void) {
    return redistributors + (uint64_t)this_cpu() * GICR_SIZE + GICR_OWN;
}

static volatile uint8_t *frame_of(unsigned intid) { return intid < PRIVATE ? own() : distributor; }

static volatile uint32_t *word(volatile uint8_t *frame, uint64_t offset) {
    return (volatile uint32_t *)(frame + offset);
}

// What was written to a frame counts from here on, at the CPU interface too.
static void settle(void) { __asm__ volatile("dsb sy\n isb" ::: "memory"); }

void gic_bit(unsigned reg, unsigned intid) {
    *word(frame_of(intid), reg + intid / 32 * 4) = 1u << intid % 32;
    settle();
}

bool gic_is(unsigned reg, unsigned intid) {
    return *word(frame_of(intid), reg + intid / 32 * 4) >> intid % 32 & 1;
}

void gic_priority(unsigned intid, unsigned priority) {
    frame_of(intid)[IPRIORITYR + intid] = (uint8_t)priority;
    settle();
}

void gic_route(unsigned intid, uint64_t cpu) {
    *(volatile uint64_t *)(distributor + GICD_ROUTER + 8ull * intid) = cpu;
    settle();
}

static void configure(unsigned intid, bool by_edges) {
    volatile uint32_t *config = word(distributor, ICFGR + intid / 16 * 4);
    const uint32_t bit = 2u << intid % 16 * 2;
    *config = by_edges ? *config | bit : *config & ~bit;
}

void gic_level(unsigned intid) {
    configure(intid, false);
    settle();
}

void gic_forward(bool on) {
    *word(distributor, GICD_CTLR) = on ? GICD_CTLR_GROUP1_ARE : GICD_CTLR_GROUP1_ARE & ~2u;
    settle();
}

void gic_begin_cpu(unsigned cpu) {
    volatile uint8_t *redistributor = redistributors + (uint64_t)cpu * GICR_SIZE;
    *word(redistributor, GICR_WAKER) &= ~GICR_WAKER_SLEEP;
    while (*word(redistributor, GICR_WAKER) & GICR_WAKER_ASLEEP) {
    }
    *word(own(), IGROUPR) = ~0u;
    *word(own(), ICENABLER) = ~0u;
    *word(own(), ICPENDR) = ~0u;
    *word(own(), ICACTIVER) = ~0u;
    for (unsigned intid = 0; intid < PRIVATE; intid++) {
        gic_priority(intid, PRIORITY);
    }
    timer_stop();
    gic_priority(TIMER, LOWEST);
    gic_bit(ISENABLER, TIMER);
    gic_begin_interface();
}

void gic_begin_interface(void) {
    sysreg_write(icc_sre_el1, 1);
    sysreg_sync();
    sysreg_write(icc_pmr_el1, 0xff);
    sysreg_write(icc_bpr1_el1, 0);
    sysreg_write(icc_ctlr_el1, 0);
    sysreg_write(icc_igrpen1_el1, 1);
    sysreg_sync();
}

void gic_begin(const struct machine *machine) {
    struct machine_range range = {0};
    bool found = machine_device(machine, "arm,gic-v3", 0, &range);
    distributor = (volatile uint8_t *)range.base;
    found = found && machine_device(machine, "arm,gic-v3", 1, &range);
    redistributors = (volatile uint8_t *)range.base;
    if (!found) {
        print("FAILED: no GICv3\n");
        guest_end(true);
    }
    gic_forward(true);
    for (unsigned intid = PRIVATE; intid < FIRST + CASES; intid++) {
        gic_bit(ICENABLER, intid);
        gic_bit(ICACTIVER, intid);
        configure(intid, true);
        gic_bit(ICPENDR, intid);
        *word(distributor, IGROUPR + intid / 32 * 4) |= 1u << intid % 32;
        gic_priority(intid, PRIORITY);
        gic_route(intid, this_cpu());
    }
    gic_begin_cpu(this_cpu());
}

unsigned gic_take(void) {
    const unsigned intid = (unsigned)sysreg_read(icc_iar1_el1);
    settle();
    return intid;
}

void gic_end(unsigned intid) {
    sysreg_write(icc_eoir1_el1, intid);
    settle();
}

void timer_set(uint64_t ticks) {
    sysreg_write(cntv_cval_el0, sysreg_read(cntvct_el0) + ticks);
    sysreg_write(cntv_ctl_el0, CNTV_CTL_ENABLE);
    sysreg_sync();
}

void timer_stop(void) {
    sysreg_write(cntv_ctl_el0, 0);
    sysreg_sync();
}

unsigned gic_wait(void) {
    timer_set(PATIENCE_S * sysreg_read(cntfrq_el0));
    unsigned intid = gic_take();
    while (intid == SPURIOUS) {
        __asm__ volatile("wfi" ::: "memory"); // a pending one ends it, masked or not
        intid = gic_take();
    }
    timer_stop();
    if (intid == TIMER) {
        gic_end(TIMER);
        return SPURIOUS;
    }
    return intid;
}
