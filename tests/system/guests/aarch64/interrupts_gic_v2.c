// A GICv2 without the Security Extensions (Arm IHI 0048, chapter 4), all in Group 0, as Linux has
// it; and what only such a one has: SGIs with senders, and a second group.
#include "tests/system/guests/aarch64/interrupts_gic.h"

#define GICD_CTLR 0x000u
#define GICD_GROUP0 1u
#define GICD_GROUP1 2u
#define GICD_TARGETS 0x800u
#define GICD_SGIR 0xf00u
#define GICD_CPENDSGIR 0xf10u
#define GICD_SPENDSGIR 0xf20u
#define SGIR_ALL_OTHERS (1u << 24)
#define SGIR_TARGETS 16

#define GICC_CTLR 0x00u
#define GICC_PMR 0x04u
#define GICC_BPR 0x08u
#define GICC_IAR 0x0cu
#define GICC_EOIR 0x10u
#define GICC_RPR 0x14u
#define GICC_DIR 0x1000u
#define GICC_GROUP0 1u
#define GICC_GROUP1 2u
#define GICC_ACKCTL 4u // group 1 is acknowledged as group 0 is
#define GICC_EOIMODE 0x200u

#define INTID(iar) ((iar) & 0x3ff)
#define SENDER(iar) ((iar) >> 10 & 7)
#define SGIS 16
#define CPUS 8
#define OTHER_GROUPS 1022

static unsigned sender[CPUS], sender_of[CPUS][SGIS]; // by what this CPU took last

static void begin_cpu(unsigned cpu) { (void)cpu; }

static void begin_interface(void) {
    *gic_word(gic_cpus, GICC_PMR) = 0xff;
    *gic_word(gic_cpus, GICC_BPR) = 0;
    *gic_word(gic_cpus, GICC_CTLR) = GICC_GROUP0;
    gic_settle();
}

static void route(unsigned intid, uint64_t cpu) {
    gic_distributor[GICD_TARGETS + intid] = cpu < CPUS ? (uint8_t)(1u << cpu) : 0;
}

static unsigned take(void) {
    const uint32_t iar = *gic_word(gic_cpus, GICC_IAR);
    const unsigned intid = INTID(iar), cpu = this_cpu();
    sender[cpu] = intid < SGIS ? SENDER(iar) : NOBODY;
    if (intid < SGIS)
        sender_of[cpu][intid] = SENDER(iar);
    return intid;
}

unsigned gic_sender(void) { return sender[this_cpu()]; }

static uint32_t whole(unsigned intid) {
    return intid < SGIS ? intid | sender_of[this_cpu()][intid] << 10 : intid;
}

static void end(unsigned intid) { *gic_word(gic_cpus, GICC_EOIR) = whole(intid); }

static unsigned running(void) { return *gic_word(gic_cpus, GICC_RPR); }

static void mask(unsigned value) {
    *gic_word(gic_cpus, GICC_PMR) = value;
    gic_settle();
}

static void split_ends(bool on) {
    *gic_word(gic_cpus, GICC_CTLR) = on ? GICC_GROUP0 | GICC_EOIMODE : GICC_GROUP0;
    gic_settle();
}

static void deactivate(unsigned intid) {
    *gic_word(gic_cpus, GICC_DIR) = whole(intid);
    gic_settle();
}

static void send(unsigned sgi, uint32_t targets) {
    *gic_word(gic_distributor, GICD_SGIR) =
        sgi | (targets == TO_ALL_OTHERS ? SGIR_ALL_OTHERS : targets << SGIR_TARGETS);
    gic_settle();
}

unsigned gic_senders(unsigned sgi) { return gic_distributor[GICD_SPENDSGIR + sgi]; }

void gic_change_senders(unsigned sgi, unsigned senders, bool on) {
    gic_distributor[(on ? GICD_SPENDSGIR : GICD_CPENDSGIR) + sgi] = (uint8_t)senders;
    gic_settle();
}

static void expect(unsigned wanted) {
    const unsigned intid = gic_take();
    check(intid == wanted, "interrupt %u, not %u", intid, wanted);
    if (intid == wanted)
        gic_end(intid);
}

// Whether the CPU is told of any. (Which one it would acknowledge while a group is off, emulations
// see differently.)
static bool is_signalled(void) { return sysreg_read(isr_el1) & 1u << 7; }

// The second group has switches of its own, in the distributor and in the CPU interface.
void try_groups(void) {
    *gic_word(gic_distributor, IGROUPR + FIRST / 32 * 4) = 1u << FIRST % 32;
    gic_bit(ISENABLER, FIRST);
    gic_bit(ISENABLER, FIRST + 1);
    gic_bit(ISPENDR, FIRST);
    check(!is_signalled(), "group 1 is off");
    *gic_word(gic_distributor, GICD_CTLR) = GICD_GROUP0 | GICD_GROUP1;
    gic_settle();
    check(!is_signalled(), "group 1 is off at the CPU");
    *gic_word(gic_cpus, GICC_CTLR) = GICC_GROUP0 | GICC_GROUP1;
    gic_settle();
    check(is_signalled() && gic_take() == OTHER_GROUPS, "it is not group 0's");
    *gic_word(gic_cpus, GICC_CTLR) = GICC_GROUP0 | GICC_GROUP1 | GICC_ACKCTL;
    gic_settle();
    expect(FIRST);
    *gic_word(gic_distributor, GICD_CTLR) = GICD_GROUP1;
    gic_bit(ISPENDR, FIRST);
    gic_bit(ISPENDR, FIRST + 1);
    expect(FIRST);
    check(!is_signalled() && gic_is(ISPENDR, FIRST + 1), "group 0 is off");
    *gic_word(gic_distributor, GICD_CTLR) = GICD_GROUP0;
    gic_settle();
    expect(FIRST + 1);
}

const struct gic_version gic_version_v2 = {
    .compatible = {"arm,gic-400", "arm,cortex-a15-gic"},
    .control = GICD_GROUP0,
    .control_off = 0,
    .groups = 0,
    .banked = true,
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
