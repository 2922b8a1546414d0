// The registers that are alike in both versions, and which version the machine has.
#include "tests/system/guests/aarch64/interrupts_gic.h"

#define GICD_CTLR 0x0u
#define IPRIORITYR 0x400u
#define ICFGR 0xc00u

#define LOWEST 0xf0 // the watchdog's
#define PATIENCE_S 2

volatile uint8_t *gic_distributor, *gic_cpus;
static const struct gic_version *version;

unsigned this_cpu(void) { return sysreg_read(mpidr_el1) & 0xff; }

bool gic_is_v2(void) { return version == &gic_version_v2; }

static volatile uint8_t *frame_of(unsigned intid) {
    return intid < PRIVATE && !version->banked ? gic_private_frame() : gic_distributor;
}

void gic_bit(unsigned reg, unsigned intid) {
    *gic_word(frame_of(intid), reg + intid / 32 * 4) = 1u << intid % 32;
    gic_settle();
}

bool gic_is(unsigned reg, unsigned intid) {
    return *gic_word(frame_of(intid), reg + intid / 32 * 4) >> intid % 32 & 1;
}

void gic_priority(unsigned intid, unsigned priority) {
    frame_of(intid)[IPRIORITYR + intid] = (uint8_t)priority;
    gic_settle();
}

void gic_route(unsigned intid, uint64_t cpu) {
    version->route(intid, cpu);
    gic_settle();
}

static void configure(unsigned intid, bool by_edges) {
    volatile uint32_t *config = gic_word(gic_distributor, ICFGR + intid / 16 * 4);
    const uint32_t bit = 2u << intid % 16 * 2;
    *config = by_edges ? *config | bit : *config & ~bit;
}

void gic_level(unsigned intid) {
    configure(intid, false);
    gic_settle();
}

void gic_forward(bool on) {
    *gic_word(gic_distributor, GICD_CTLR) = on ? version->control : version->control_off;
    gic_settle();
}

void gic_begin_cpu(unsigned cpu) {
    version->begin_cpu(cpu);
    volatile uint8_t *own = frame_of(0);
    *gic_word(own, IGROUPR) = version->groups;
    *gic_word(own, ICENABLER) = ~0u;
    *gic_word(own, ICPENDR) = ~0u;
    *gic_word(own, ICACTIVER) = ~0u;
    for (unsigned intid = 0; intid < PRIVATE; intid++) {
        gic_priority(intid, PRIORITY);
    }
    timer_stop();
    gic_priority(TIMER, LOWEST);
    gic_bit(ISENABLER, TIMER);
    gic_begin_interface();
}

void gic_begin_interface(void) { version->begin_interface(); }

static bool find(const struct machine *machine, const struct gic_version *of) {
    struct machine_range distributor = {0}, cpus = {0};
    for (const char *const *name = of->compatible; *name; name++) {
        if (machine_device(machine, *name, 0, &distributor) &&
            machine_device(machine, *name, 1, &cpus)) {
            gic_distributor = (volatile uint8_t *)distributor.base;
            gic_cpus = (volatile uint8_t *)cpus.base;
            version = of;
            return true;
        }
    }
    return false;
}

void gic_begin(const struct machine *machine) {
    if (!find(machine, &gic_version_v3) && !find(machine, &gic_version_v2)) {
        print("FAILED: no GICv3 and no GICv2\n");
        guest_end(true);
    }
    gic_forward(true);
    for (unsigned intid = PRIVATE; intid < FIRST + CASES; intid++) {
        gic_bit(ICENABLER, intid);
        gic_bit(ICACTIVER, intid);
        configure(intid, true);
        gic_bit(ICPENDR, intid);
        *gic_word(gic_distributor, IGROUPR + intid / 32 * 4) = version->groups;
        gic_priority(intid, PRIORITY);
        gic_route(intid, this_cpu());
    }
    gic_begin_cpu(this_cpu());
}

unsigned gic_take(void) {
    const unsigned intid = version->take();
    gic_settle();
    return intid;
}

void gic_end(unsigned intid) {
    version->end(intid);
    gic_settle();
}

unsigned gic_running(void) { return version->running(); }

void gic_mask(unsigned mask) { version->mask(mask); }

void gic_split_ends(bool on) { version->split_ends(on); }

void gic_deactivate(unsigned intid) { version->deactivate(intid); }

void gic_send(unsigned sgi, uint32_t targets) {
    __asm__ volatile("dsb sy" ::: "memory");
    version->send(sgi, targets);
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
