// A GICv2's distributor reads and writes as the specification says (Arm IHI 0048B, chapter 4.3),
// and what is different with its interrupts: target lists, SGIs with senders, two groups.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/vgic/world.h"

#define GICD_CTLR 0x000u
#define IGROUPR 0x080u
#define ISENABLER 0x100u
#define ICENABLER 0x180u
#define ISPENDR 0x200u
#define ICPENDR 0x280u
#define ISACTIVER 0x300u
#define ICACTIVER 0x380u
#define IPRIORITYR 0x400u
#define ITARGETSR 0x800u
#define ICFGR 0xc00u
#define SGIR 0xf00u
#define CPENDSGIR 0xf10u
#define SPENDSGIR 0xf20u

#define SPI 40u
#define PPI 22u
#define OTHERS (1u << 24)
#define SELF (2u << 24)

static uint64_t read(unsigned vcpu, unsigned offset, unsigned size) {
    return vgic_banked_read(&world.vgic, vcpu, offset, size);
}

static void write(unsigned vcpu, unsigned offset, uint32_t value) {
    world_banked(vcpu, offset, 4, value);
}

static void spi(unsigned reg, unsigned intid) { write(0, reg + intid / 32 * 4, 1u << intid % 32); }

static void targets(unsigned intid, unsigned list) { world_banked(0, ITARGETSR + intid, 1, list); }

static void send(unsigned vcpu, unsigned sgi, unsigned list) {
    write(vcpu, SGIR, list << 16 | sgi);
}

// Group 0 alone, as Linux has it.
static int begin(void **state) {
    (void)state;
    world_begin_v2(4);
    write(0, GICD_CTLR, 1);
    return 0;
}

static void test_control(void **state) {
    (void)state;
    world_begin_v2(2);
    assert_int_equal(read(0, GICD_CTLR, 4), 0);
    for (uint32_t groups = 0; groups < 4; groups++) {
        write(1, GICD_CTLR, 0xfffffffc | groups);
        assert_int_equal(read(0, GICD_CTLR, 4), groups);
    }
    world_banked(0, GICD_CTLR, 1, 0);
    world_banked(0, GICD_CTLR, 8, 0);
    assert_int_equal(read(0, GICD_CTLR, 4), 3);
}

static void test_identification(void **state) {
    (void)state;
    for (unsigned vcpus = 1; vcpus <= 8; vcpus++) {
        world_begin_v2(vcpus);
        assert_int_equal(read(0, 0x4, 4), (vcpus - 1) << 5 | 2); // 96 INTIDs; no extensions
    }
    assert_int_equal(read(0, 0x8, 4) & 0xfff, 0x43b);
    assert_int_equal(read(0, 0xfe8, 4) >> 4, 2); // GICv2
    static const uint8_t component[] = {0x0d, 0xf0, 0x05, 0xb1};
    for (unsigned n = 0; n < 4; n++) {
        assert_int_equal(read(0, 0xff0 + 4 * n, 4), component[n]);
    }
    write(0, 0x4, 0);
    write(0, 0xfe8, 0);
    assert_int_equal(read(0, 0x4, 4) & 31, 2);
    assert_int_equal(read(0, 0xfe8, 4), 0x2b);
}

// There is nothing of a GICv3, and nothing beyond the frame or for CPUs that are not there.
static void test_nothing_else(void **state) {
    (void)state;
    world_begin_v2(2);
    write(0, 0x6000 + 8 * SPI, 1);
    assert_int_equal(read(0, 0x6000 + 8 * SPI, 4), 0);
    assert_int_equal(read(0, 0xffe8, 4), 0);
    assert_int_equal(vgic_banked_read(&world.vgic, 0, UINT64_MAX - 3, 4), 0);
    assert_int_equal(read(2, 0x4, 4), 0);
    world_banked(2, IGROUPR, 4, 1);
    assert_int_equal(read(0, IGROUPR, 4), 0);
    assert_int_equal(read(0, 0x4, 2), 0);
    assert_int_equal(read(0, 0x5, 1), 0);
    assert_int_equal(read(0, ITARGETSR + 2, 4), 0);
    assert_int_equal(read(0, ITARGETSR, 8), 0);
}

static void test_private_registers_are_banked(void **state) {
    (void)state;
    static const unsigned bits[] = {IGROUPR, ISENABLER, ISPENDR, ISACTIVER};
    world_begin_v2(3);
    for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        uint64_t others = read(0, bits[i], 4);
        write(1, bits[i], 1u << PPI);
        assert_int_equal(read(1, bits[i], 4), others | 1u << PPI);
        assert_int_equal(read(0, bits[i], 4), others);
        assert_int_equal(read(2, bits[i], 4), others);
        write(2, bits[i] + 4, 0x80000001);
        assert_int_equal(read(0, bits[i] + 4, 4), 0x80000001);
    }
    world_banked(2, IPRIORITYR + PPI, 1, 0xff);
    world_banked(2, IPRIORITYR + SPI, 1, 0x47);
    assert_int_equal(read(2, IPRIORITYR + PPI, 1), 0xf8);
    assert_int_equal(read(1, IPRIORITYR + PPI, 1), 0);
    assert_int_equal(read(1, IPRIORITYR + SPI, 4), 0x40);
    assert_int_equal(read(0, ICFGR, 4), 0xaaaaaaaa);
    write(0, ICFGR + 8, 0xffffffff);
    assert_int_equal(read(1, ICFGR + 8, 4), 0xaaaaaaaa);
}

static void test_sgis_are_always_enabled_and_pending_by_sending_alone(void **state) {
    (void)state;
    write(0, ICENABLER, 0xffffffff);
    assert_int_equal(read(0, ISENABLER, 4), 0xffff);
    write(0, ISPENDR, 0xffff);
    assert_int_equal(read(0, ISPENDR, 4), 0);
    write(0, GICD_CTLR, 0);
    send(1, 3, 1);
    write(0, ICPENDR, 0xffff);
    assert_int_equal(read(0, ICPENDR, 4), 1u << 3);
}

static void test_target_lists(void **state) {
    (void)state;
    for (unsigned vcpu = 0; vcpu < 4; vcpu++) {
        assert_int_equal(read(vcpu, ITARGETSR + 4, 4), 0x01010101u << vcpu);
    }
    write(2, ITARGETSR, 0xffffffff);
    assert_int_equal(read(2, ITARGETSR, 4), 0x04040404);
    assert_int_equal(read(0, ITARGETSR + SPI, 4), 0);
    write(0, ITARGETSR + SPI, 0xff0281f0);
    assert_int_equal(read(3, ITARGETSR + SPI, 4), 0x0f020100); // of CPUs that are there
    assert_int_equal(read(3, ITARGETSR + SPI + 2, 1), 0x02);
    write(0, ITARGETSR + VGIC_INTIDS, 0xffffffff);
    assert_int_equal(read(0, ITARGETSR + VGIC_INTIDS, 4), 0);
    world_begin_v2(1);
    write(0, ITARGETSR + SPI, 0xffffffff);
    assert_int_equal(read(0, ITARGETSR + SPI, 4), 0);
    assert_int_equal(read(0, ITARGETSR, 4), 0);
}

static void test_goes_to_one_of_its_list(void **state) {
    (void)state;
    spi(ISENABLER, SPI);
    world_line(SPI, 0, true);
    assert_int_equal(world.outputs, 0); // its list is empty
    targets(SPI, 0xc);
    assert_int_equal(world_pending(SPI), 1u << 2);
    targets(SPI, 0xa); // it moves
    assert_int_equal(world_pending(SPI), 1u << 1);
    targets(SPI, 0xb); // it has no reason to
    assert_int_equal(world_pending(SPI), 1u << 1);
    assert_int_equal(world_acknowledge(1), SPI);
    targets(SPI, 0x1);
    assert_int_equal(world_pending(SPI), 0); // not at two CPUs at once
    assert_int_equal(read(0, ISACTIVER + 4, 4), 1u << SPI % 32);
    world_end(1, SPI);
    assert_int_equal(world_pending(SPI), 1u << 0);
}

static void test_one_cpu_needs_no_list(void **state) {
    (void)state;
    world_begin_v2(1);
    write(0, GICD_CTLR, 1);
    spi(ISENABLER, SPI);
    world_line(SPI, 0, true);
    assert_int_equal(world_acknowledge(0), SPI);
}

static void test_filters_of_sgis(void **state) {
    (void)state;
    send(1, 5, 0xf5);
    assert_int_equal(world_pending(5), 0x5);
    assert_int_equal(world.outputs, 1); // by one output, as they are alike
    write(1, SGIR, OTHERS | 2u << 16 | 6);
    assert_int_equal(world_pending(6), 0xd);
    write(1, SGIR, SELF | 1u << 16 | 7);
    assert_int_equal(world_pending(7), 0x2);
    write(1, SGIR, 3u << 24 | 0xfu << 16 | 8);
    assert_int_equal(world_pending(8), 0);
    world_banked(1, SGIR, 1, 9);
    assert_int_equal(world.outputs, 3);
}

// Takes SGI at vCPU, and says who sent it.
static unsigned take(unsigned vcpu, unsigned sgi) {
    assert_int_equal(world_acknowledge(vcpu), sgi);
    return world.lr[vcpu][sgi].sender;
}

static void test_senders_come_one_after_the_other(void **state) {
    (void)state;
    send(3, 1, 0x1);
    send(2, 1, 0x1);
    send(3, 1, 0x1); // it is pending already
    send(0, 1, 0x1);
    assert_int_equal(read(0, SPENDSGIR, 4), 0x0d00);
    assert_int_equal(world.outputs, 1);
    assert_int_equal(take(0, 1), 3);
    assert_int_equal(read(0, CPENDSGIR, 4), 0x0500);
    assert_int_equal(world_pending(1), 0);
    send(3, 1, 0x1); // once more, as the first is active
    assert_int_equal(read(0, CPENDSGIR + 1, 1), 0x0d);
    world_end(0, 1);
    assert_int_equal(take(0, 1), 0);
    world_end(0, 1);
    assert_int_equal(take(0, 1), 2);
    world_end(0, 1);
    assert_int_equal(take(0, 1), 3);
    world_end(0, 1);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
    assert_int_equal(read(0, SPENDSGIR, 4), 0);
}

// Of two that have one pending from different senders each gets its own.
static void test_one_sgi_of_two_senders(void **state) {
    (void)state;
    write(0, GICD_CTLR, 0);
    send(0, 1, 0x2);
    send(3, 1, 0x6);
    write(0, GICD_CTLR, 1);
    assert_int_equal(take(1, 1), 0);
    assert_int_equal(take(2, 1), 3);
    world_end(1, 1);
    assert_int_equal(take(1, 1), 3);
}

static void test_senders_are_set_and_cleared(void **state) {
    (void)state;
    world_banked(2, SPENDSGIR + 4, 4, 0xffff0300);
    assert_int_equal(read(2, SPENDSGIR + 4, 4), 0x0f0f0300);
    assert_int_equal(read(1, SPENDSGIR + 4, 4), 0);
    assert_int_equal(world_pending(5), 0x4);
    world_banked(2, CPENDSGIR + 5, 1, 1); // that of CPU 0, which was given
    assert_int_equal(read(2, CPENDSGIR + 5, 1), 2);
    assert_int_equal(world.lr[2][5].sender, 1); // now the other's is
    world_banked(2, CPENDSGIR + 6, 2, 0xffff);
    world_banked(2, CPENDSGIR + 4, 4, 0xffff00);
    assert_int_equal(world_pending(5) | world_pending(6), 0);
    assert_int_equal(read(2, ISPENDR, 4), 1u << 7);
    assert_int_equal(take(2, 7), 0);
}

static void test_what_is_taken_back_keeps_its_sender(void **state) {
    (void)state;
    send(3, 1, 0x1);
    send(2, 1, 0x1);
    write(0, GICD_CTLR, 0);
    assert_int_equal(world_pending(1), 0);
    assert_int_equal(read(0, SPENDSGIR + 1, 1), 0xc);
    write(0, GICD_CTLR, 1);
    assert_int_equal(take(0, 1), 2);
    world_end(0, 1);
    assert_int_equal(take(0, 1), 3);
}

static void test_both_groups(void **state) {
    (void)state;
    write(0, IGROUPR + 4, 1u << SPI % 32);
    write(0, ITARGETSR + SPI, 0x0101);
    spi(ISENABLER, SPI);
    spi(ISENABLER, SPI + 1);
    world_line(SPI, 0, true);
    world_line(SPI + 1, 0, true);
    assert_int_equal(world_pending(SPI), 0);
    assert_true(world.lr[0][SPI + 1].group0);
    write(0, GICD_CTLR, 2);
    assert_int_equal(world_pending(SPI + 1), 0);
    assert_int_equal(world_pending(SPI), 1);
    assert_false(world.lr[0][SPI].group0);
    write(0, GICD_CTLR, 3);
    assert_int_equal(world_pending(SPI + 1), 1);
}

static void test_the_timer_has_a_group_too(void **state) {
    (void)state;
    world_banked(1, IPRIORITYR + VGIC_TIMER, 1, 0x80);
    write(1, ISENABLER, 1u << VGIC_TIMER);
    assert_int_equal(world.timer[1], 0x80 | WORLD_FORWARDED | WORLD_GROUP0);
    assert_int_equal(world.timer[0], 0);
    write(1, IGROUPR, 1u << VGIC_TIMER);
    assert_int_equal(world.timer[1], 0);
    write(1, GICD_CTLR, 3);
    assert_int_equal(world.timer[1], 0x80 | WORLD_FORWARDED);
}

// Another server finds the last output whole.
static void test_the_last_output(void **state) {
    (void)state;
    send(3, 1, 0x5);
    struct vgic_output last = vgic_last(&world.vgic);
    assert_int_equal(last.effect, VGIC_RAISE);
    assert_int_equal(last.intid, 1);
    assert_int_equal(last.sender, 3);
    assert_int_equal(last.vcpus, 0x5);
    assert_true(last.group0 && last.notify);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_identification),
        cmocka_unit_test(test_nothing_else),
        cmocka_unit_test(test_private_registers_are_banked),
        cmocka_unit_test_setup(test_sgis_are_always_enabled_and_pending_by_sending_alone, begin),
        cmocka_unit_test_setup(test_target_lists, begin),
        cmocka_unit_test_setup(test_goes_to_one_of_its_list, begin),
        cmocka_unit_test(test_one_cpu_needs_no_list),
        cmocka_unit_test_setup(test_filters_of_sgis, begin),
        cmocka_unit_test_setup(test_senders_come_one_after_the_other, begin),
        cmocka_unit_test_setup(test_one_sgi_of_two_senders, begin),
        cmocka_unit_test_setup(test_senders_are_set_and_cleared, begin),
        cmocka_unit_test_setup(test_what_is_taken_back_keeps_its_sender, begin),
        cmocka_unit_test_setup(test_both_groups, begin),
        cmocka_unit_test_setup(test_the_timer_has_a_group_too, begin),
        cmocka_unit_test_setup(test_the_last_output, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
