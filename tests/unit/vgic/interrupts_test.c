// What becomes of single interrupts, from their line to the list register and back.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/vgic/world.h"

#define SPI 40u
#define OTHER 41u
#define PPI 22u

#define ISENABLER 0x100u
#define ICENABLER 0x180u
#define ISPENDR 0x200u
#define ICPENDR 0x280u
#define ISACTIVER 0x300u
#define ICACTIVER 0x380u

static uint32_t bit(unsigned intid) { return 1u << intid % 32; }

static void spi(unsigned reg, unsigned intid) {
    world_distributor(reg + intid / 32 * 4, 4, bit(intid));
}

static void own(unsigned vcpu, unsigned reg, unsigned intid) {
    world_redistributor(vcpu, 0x10000 + reg, 4, bit(intid));
}

static bool spi_is(unsigned reg, unsigned intid) {
    return world_read(reg + intid / 32 * 4) & bit(intid);
}

static void route(unsigned intid, uint64_t value) {
    world_distributor(0x6000 + 8 * intid, 8, value);
}

static void by_edges(unsigned intid) {
    world_distributor(0xc00 + intid / 16 * 4, 4, 2u << intid % 16 * 2);
}

static void priority(unsigned intid, unsigned value) { world_distributor(0x400 + intid, 1, value); }

static int begin(void **state) {
    (void)state;
    world_begin(4);
    world_start();
    spi(ISENABLER, SPI);
    return 0;
}

static void expect_last(enum vgic_effect effect, unsigned intid, unsigned vcpus) {
    assert_int_equal(world.last.effect, effect);
    assert_int_equal(world.last.intid, intid);
    assert_int_equal(world.last.vcpus, vcpus);
}

static void test_level_stays_until_its_line_falls(void **state) {
    (void)state;
    priority(SPI, 0xa0);
    world_line(SPI, 0, true);
    expect_last(VGIC_RAISE, SPI, 1);
    assert_int_equal(world.last.priority, 0xa0);
    assert_true(world.last.notify);
    assert_true(spi_is(ISPENDR, SPI));
    assert_int_equal(world_acknowledge(0), SPI);
    assert_true(spi_is(ISACTIVER, SPI));
    assert_true(spi_is(ISPENDR, SPI)); // by its line
    world_end(0, SPI);
    assert_int_equal(world.outputs, 2); // again
    assert_int_equal(world_acknowledge(0), SPI);
    world_line(SPI, 0, false);
    assert_false(spi_is(ISPENDR, SPI));
    world_end(0, SPI);
    assert_int_equal(world.outputs, 2);
    assert_int_equal(world_pending(SPI), 0);
    assert_false(spi_is(ISACTIVER, SPI));
}

static void test_level_that_falls_before_it_is_taken(void **state) {
    (void)state;
    world_line(SPI, 0, true);
    world_line(SPI, 0, false);
    expect_last(VGIC_TAKE_BACK, SPI, 1);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
    world_line(SPI, 0, true);
    assert_int_equal(world_acknowledge(0), SPI);
}

static void test_edge_is_given_once(void **state) {
    (void)state;
    spi(ICENABLER, SPI);
    by_edges(SPI);
    spi(ISENABLER, SPI);
    world_line(SPI, 0, true);
    expect_last(VGIC_RAISE, SPI, 1);
    assert_false(world.last.notify);
    world_line(SPI, 0, true); // no edge
    assert_int_equal(world_acknowledge(0), SPI);
    world_end(0, SPI);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
    world_line(SPI, 0, false);
    assert_int_equal(world.outputs, 1);
    world_line(SPI, 0, true);
    assert_int_equal(world_acknowledge(0), SPI);
}

static void test_edge_while_active_comes_again(void **state) {
    (void)state;
    spi(ICENABLER, SPI);
    by_edges(SPI);
    spi(ISENABLER, SPI);
    world_line(SPI, 0, true);
    assert_int_equal(world_acknowledge(0), SPI);
    world_line(SPI, 0, false);
    world_line(SPI, 0, true);
    assert_true(spi_is(ISPENDR, SPI));
    assert_true(spi_is(ISACTIVER, SPI));
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
    world_end(0, SPI);
    assert_int_equal(world_acknowledge(0), SPI);
    world_end(0, SPI);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
}

static void test_disabled_while_pending(void **state) {
    (void)state;
    spi(ISPENDR, SPI); // latched
    expect_last(VGIC_RAISE, SPI, 1);
    spi(ICENABLER, SPI);
    expect_last(VGIC_TAKE_BACK, SPI, 1);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
    assert_true(spi_is(ISPENDR, SPI));
    spi(ISENABLER, SPI);
    assert_int_equal(world_acknowledge(0), SPI);
    spi(ICENABLER, SPI); // it stays active
    assert_true(spi_is(ISACTIVER, SPI));
    world_end(0, SPI);
    spi(ISENABLER, SPI);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
}

static void test_cleared_while_pending(void **state) {
    (void)state;
    spi(ISPENDR, SPI);
    spi(ICPENDR, SPI);
    expect_last(VGIC_TAKE_BACK, SPI, 1);
    assert_false(spi_is(ISPENDR, SPI));
    world_line(SPI, 0, true);
    spi(ICPENDR, SPI); // its line is what makes it pending
    assert_true(spi_is(ISPENDR, SPI));
    assert_int_equal(world_acknowledge(0), SPI);
}

// A level-sensitive interrupt that software made pending too: it comes once more.
static void test_latched_beside_its_line(void **state) {
    (void)state;
    world_line(SPI, 0, true);
    spi(ISPENDR, SPI);
    world_line(SPI, 0, false);
    assert_true(spi_is(ISPENDR, SPI));
    assert_int_equal(world_acknowledge(0), SPI);
    spi(ISPENDR, SPI);
    world_end(0, SPI);
    assert_int_equal(world_acknowledge(0), SPI);
    world_end(0, SPI);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
}

static void test_switches(void **state) {
    (void)state;
    world_line(SPI, 0, true);
    world_distributor(0, 4, 0);
    expect_last(VGIC_TAKE_BACK, SPI, 1);
    world_distributor(0, 4, 2);
    expect_last(VGIC_RAISE, SPI, 1);
    world_redistributor(0, 0x14, 4, 2); // the vCPU goes to sleep
    expect_last(VGIC_TAKE_BACK, SPI, 1);
    world_redistributor(0, 0x14, 4, 0);
    expect_last(VGIC_RAISE, SPI, 1);
    world_distributor(0x84, 4, ~bit(SPI)); // group 0 is not forwarded
    expect_last(VGIC_TAKE_BACK, SPI, 1);
    assert_true(spi_is(ISPENDR, SPI));
}

static void test_active_by_software(void **state) {
    (void)state;
    spi(ISACTIVER, SPI);
    spi(ISPENDR, SPI);
    assert_int_equal(world.outputs, 0);
    assert_true(spi_is(ICACTIVER, SPI));
    spi(ICACTIVER, SPI);
    expect_last(VGIC_RAISE, SPI, 1);
    assert_int_equal(world_acknowledge(0), SPI);
    spi(ICACTIVER, SPI); // what the guest acknowledged
    expect_last(VGIC_DEACTIVATE, SPI, 1);
    assert_false(spi_is(ISACTIVER, SPI));
    world_line(SPI, 0, true);
    assert_int_equal(world_acknowledge(0), SPI);
}

static void test_routes(void **state) {
    (void)state;
    route(SPI, 2);
    world_line(SPI, 0, true);
    expect_last(VGIC_RAISE, SPI, 1 << 2);
    route(SPI, 3);
    assert_int_equal(world_pending(SPI), 1 << 3);
    route(SPI, 0x100); // there is no such vCPU
    assert_int_equal(world_pending(SPI), 0);
    assert_true(spi_is(ISPENDR, SPI));
    route(SPI, 9);
    assert_int_equal(world_pending(SPI), 0);
    route(SPI, 1u << 31); // any: the one that had it last
    assert_int_equal(world_pending(SPI), 1 << 3);
    world_redistributor(3, 0x14, 4, 2);
    assert_int_equal(world_pending(SPI), 1 << 0); // another that is awake
    for (unsigned vcpu = 0; vcpu < 4; vcpu++) {
        world_redistributor(vcpu, 0x14, 4, 2);
    }
    assert_int_equal(world_pending(SPI), 0);
    world_redistributor(1, 0x14, 4, 0);
    assert_int_equal(world_pending(SPI), 1 << 1);
}

// One that is active stays its vCPU's until it is ended, whatever its route says meanwhile.
static void test_route_changed_while_active(void **state) {
    (void)state;
    spi(ICENABLER, SPI);
    by_edges(SPI);
    spi(ISENABLER, SPI);
    spi(ISPENDR, SPI);
    assert_int_equal(world_acknowledge(0), SPI);
    route(SPI, 1);
    unsigned outputs = world.outputs;
    spi(ISPENDR, SPI);
    assert_int_equal(world.outputs, outputs + 1);
    expect_last(VGIC_RAISE, SPI, 1 << 0);
    assert_int_equal(world.lr[1][SPI].state, 0);
    assert_int_equal(world.lr[0][SPI].state, VGIC_PENDING | VGIC_ACTIVE);
    // Looking again changes nothing.
    spi(ISENABLER, SPI);
    assert_int_equal(world.outputs, outputs + 1);
    // And where it was acknowledged and ended, nothing of it is left.
    world_end(0, SPI);
    assert_int_equal(world_acknowledge(0), SPI);
    world_end(0, SPI);
    spi(ISPENDR, SPI);
    expect_last(VGIC_RAISE, SPI, 1 << 1);
}

static uint64_t sgi(unsigned intid, uint64_t targets) { return (uint64_t)intid << 24 | targets; }

static void test_sgis(void **state) {
    (void)state;
    world_begin(16);
    world_start();
    for (unsigned vcpu = 0; vcpu < 16; vcpu++) {
        own(vcpu, ISENABLER, 5);
        own(vcpu, ISENABLER, 15);
    }
    world_sgi(3, sgi(5, 1 << 3)); // to itself
    expect_last(VGIC_RAISE, 5, 1 << 3);
    world_sgi(3, sgi(15, 0x8421)); // to several: one output
    expect_last(VGIC_RAISE, 15, 0x8421);
    assert_int_equal(world.outputs, 2);
    assert_false(world.last.notify);
    assert_int_equal(world_acknowledge(10), 15);
    assert_int_equal(world_acknowledge(15), 15);
    world_end(10, 15);
    world_sgi(10, 1ull << 40 | sgi(15, 0)); // to all but itself: the list does not count
    assert_int_equal(world_pending(15), 0xffff & ~(1 << 10) & ~(1 << 15));
    assert_int_equal(world.lr[15][15].state, VGIC_PENDING | VGIC_ACTIVE);
    assert_int_equal(world.lr[10][15].state, 0);
}

static void test_sgis_to_nobody(void **state) {
    (void)state;
    static const uint64_t values[] = {
        0,                // an empty list
        0xfff0,           // vCPUs that are not there
        0xf | 1 << 16,    // Aff1
        0xf | 1ull << 32, // Aff2
        0xf | 1ull << 48, // Aff3
        0xf | 1ull << 44, // the range 16 to 31
    };
    for (unsigned vcpu = 0; vcpu < 4; vcpu++) {
        own(vcpu, ISENABLER, 0);
    }
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        world_sgi(0, values[i]);
        assert_int_equal(world.outputs, 0);
    }
    world_sgi(0, 0xffff);
    expect_last(VGIC_RAISE, 0, 0xf);
}

static void test_sgis_of_different_priority_are_different_outputs(void **state) {
    (void)state;
    for (unsigned vcpu = 0; vcpu < 3; vcpu++) {
        own(vcpu, ISENABLER, 1);
    }
    world_redistributor(1, 0x10401, 1, 0x80);
    world_sgi(0, sgi(1, 7));
    assert_int_equal(world.outputs, 2);
    assert_int_equal(world.lr[0][1].priority, 0);
    assert_int_equal(world.lr[1][1].priority, 0x80);
    assert_int_equal(world_pending(1), 7);
}

static void test_ppis_are_each_vcpus_own(void **state) {
    (void)state;
    own(1, ISENABLER, PPI);
    own(2, ISENABLER, PPI);
    world_line(PPI, 1, true);
    expect_last(VGIC_RAISE, PPI, 1 << 1);
    world_line(PPI, 2, true);
    expect_last(VGIC_RAISE, PPI, 1 << 2);
    world_line(PPI, 3, true); // not enabled there
    assert_int_equal(world.outputs, 2);
    assert_int_equal(world_acknowledge(1), PPI);
    world_line(PPI, 1, false);
    world_end(1, PPI);
    assert_int_equal(world_pending(PPI), 1 << 2);
}

static void test_lines_that_are_not_there(void **state) {
    (void)state;
    for (unsigned vcpu = 0; vcpu < 4; vcpu++) {
        world_redistributor(vcpu, 0x10100, 4, 0xffffffff);
    }
    unsigned outputs = world.outputs;
    world_line(3, 0, true);          // SGIs have none
    world_line(VGIC_TIMER, 0, true); // the machine's own
    world_line(PPI, 4, true);
    world_line(PPI, 200, true);
    world_line(VGIC_INTIDS, 0, true);
    world_line(1023, 0, true);
    world_line(UINT32_MAX, 0, true);
    vgic_ended(&world.vgic, 4, PPI);
    vgic_ended(&world.vgic, 0, VGIC_INTIDS);
    assert_int_equal(world.outputs, outputs);
}

static void expect_timer(unsigned vcpu, unsigned intid, unsigned priority) {
    expect_last(VGIC_SET_TIMER, intid, 1u << vcpu);
    assert_int_equal(world.last.priority, priority);
}

// The core is told how the timer's interrupt is to be raised, whenever that becomes something else.
static void test_the_timer(void **state) {
    (void)state;
    unsigned outputs = world.outputs;
    world_redistributor(1, 0x10400 + VGIC_TIMER, 1, 0x67);
    assert_int_equal(world.outputs, outputs); // it is not enabled
    own(1, ISENABLER, VGIC_TIMER);
    expect_timer(1, VGIC_TIMER, 0x60);
    world_redistributor(1, 0x10400 + VGIC_TIMER, 1, 0x40);
    expect_timer(1, VGIC_TIMER, 0x40);
    own(1, ICENABLER, VGIC_TIMER);
    expect_timer(1, 0, 0);
    own(1, ISENABLER, VGIC_TIMER);
    own(1, ISACTIVER, VGIC_TIMER);
    expect_timer(1, 0, 0);
    own(1, ICACTIVER, VGIC_TIMER);
    expect_timer(1, VGIC_TIMER, 0x40);
    world_redistributor(1, 0x14, 4, 2); // asleep
    expect_timer(1, 0, 0);
    world_redistributor(1, 0x14, 4, 0);
    expect_timer(1, VGIC_TIMER, 0x40);
    world_distributor(0, 4, 0);
    expect_timer(1, 0, 0);
    world_distributor(0, 4, 2);
    expect_timer(1, VGIC_TIMER, 0x40);
    world_redistributor(1, 0x10080, 4, ~bit(VGIC_TIMER)); // group 0
    expect_timer(1, 0, 0);
    world_redistributor(1, 0x10080, 4, ~0u);
    expect_timer(1, VGIC_TIMER, 0x40);
    outputs = world.outputs;
    own(1, ISENABLER, VGIC_TIMER); // nothing new
    own(1, ISPENDR, VGIC_TIMER);   // only the timer itself makes it pending
    own(1, ICPENDR, VGIC_TIMER);
    assert_int_equal(world.outputs, outputs);
    for (unsigned vcpu = 0; vcpu < 4; vcpu++) {
        assert_int_equal(world.timer[vcpu] != 0, vcpu == 1);
    }
}

static bool timer_is(unsigned reg, unsigned vcpu) {
    return world_read_own(vcpu, 0x10000 + reg) & bit(VGIC_TIMER);
}

// What is read of the timer's interrupt is what the list register holds of it.
static void test_an_expiry_of_the_timer(void **state) {
    (void)state;
    world_timer(1, true);
    assert_int_equal(world_acknowledge(1), WORLD_SPURIOUS);
    own(1, ISENABLER, VGIC_TIMER);
    assert_true(timer_is(ISPENDR, 1));
    assert_false(timer_is(ISPENDR, 0));
    own(1, ICENABLER, VGIC_TIMER); // taken back
    assert_int_equal(world_acknowledge(1), WORLD_SPURIOUS);
    own(1, ISENABLER, VGIC_TIMER);
    assert_int_equal(world_acknowledge(1), VGIC_TIMER);
    assert_true(timer_is(ISACTIVER, 1));
    assert_false(timer_is(ISPENDR, 1));
    own(1, ISACTIVER, VGIC_TIMER); // it is
    assert_int_not_equal(world.timer[1], 0);
    own(1, ICACTIVER, VGIC_TIMER); // what the guest acknowledged; the timer is asserted still
    expect_last(VGIC_DEACTIVATE, VGIC_TIMER, 1 << 1);
    assert_int_equal(world_acknowledge(1), VGIC_TIMER);
    world_timer(1, false);
    world_end(1, VGIC_TIMER);
    assert_false(timer_is(ISACTIVER, 1));
    assert_int_equal(world_acknowledge(1), WORLD_SPURIOUS);
}

// All that is due leaves at once, each with a number of its own.
static void test_several_outputs_of_one_change(void **state) {
    (void)state;
    static const unsigned intids[] = {2, 41, 45, 50, 60};
    world_distributor(0, 4, 0);
    world_distributor(0xc08, 4, 0xaaaaaaaa);
    world_distributor(0xc0c, 4, 0xaaaaaaaa);
    world_distributor(0x104, 4, 0xffffffff);
    own(0, ISENABLER, 2);
    world_distributor(0x204, 4, bit(41) | bit(45) | bit(50) | bit(60));
    own(0, ISPENDR, 2);
    assert_int_equal(world.outputs, 0);
    world_distributor(0, 4, 2);
    assert_int_equal(world.outputs, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(world_acknowledge(0), intids[i]);
    }
    world_distributor(0x204, 4, bit(41) | bit(45) | bit(50) | bit(60));
    assert_int_equal(world.outputs, 9);
    assert_int_equal(world.last.number, 9);
    world_distributor(0, 4, 0);
    assert_int_equal(world.outputs, 13);
    for (unsigned i = 1; i < 5; i++) {
        assert_int_equal(world.lr[0][intids[i]].state, VGIC_ACTIVE);
    }
}

// The report of an end may be late: the interrupt has been given again since.
static void test_a_late_report_of_an_end(void **state) {
    (void)state;
    own(0, ISENABLER, 1);
    world_sgi(1, sgi(1, 1));
    assert_int_equal(world_acknowledge(0), 1);
    world_end(0, 1);
    world_sgi(1, sgi(1, 1)); // served before
    vgic_ended(&world.vgic, 0, 1);
    own(0, ICENABLER, 1);
    expect_last(VGIC_TAKE_BACK, 1, 1);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
    own(0, ISENABLER, 1);
    assert_int_equal(world_acknowledge(0), 1);
}

// Whoever takes over finds the last output in the state, whole.
static void test_the_last_output_is_said_again(void **state) {
    (void)state;
    world_begin(4);
    assert_int_equal(vgic_last(&world.vgic).effect, VGIC_NONE);
    begin(NULL);
    priority(SPI, 0x58);
    route(SPI, 3);
    world_line(SPI, 0, true);
    struct vgic_output last = vgic_last(&world.vgic);
    assert_int_equal(last.effect, VGIC_RAISE);
    assert_int_equal(last.intid, SPI);
    assert_int_equal(last.vcpus, 1 << 3);
    assert_int_equal(last.priority, 0x58);
    assert_true(last.notify);
    assert_int_equal(last.number, 1);
    world_line(SPI, 0, false);
    assert_int_equal(vgic_last(&world.vgic).effect, VGIC_TAKE_BACK);
    assert_int_equal(vgic_last(&world.vgic).number, 2);
}

// The commonest changes stay within what a commit does word by word.
static void test_changes_are_small(void **state) {
    (void)state;
    struct vgic_output output;
    own(1, ISENABLER, 1);
    world.looks = 0;
    for (unsigned what = 0; what < 2; what++) {
        if (what == 0) {
            vgic_sgi(&world.vgic, 0, sgi(1, 2));
        } else {
            vgic_line(&world.vgic, SPI, 0, true);
        }
        assert_true(vgic_next(&world.vgic, &output));
        assert_true(world.state.changes <= STATE_CHANGES / 2);
        state_commit(&world.state);
    }
    assert_int_equal(world.looks, 0);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(level_stays_until_its_line_falls),
        TEST(level_that_falls_before_it_is_taken),
        TEST(edge_is_given_once),
        TEST(edge_while_active_comes_again),
        TEST(disabled_while_pending),
        TEST(cleared_while_pending),
        TEST(latched_beside_its_line),
        TEST(switches),
        TEST(active_by_software),
        TEST(routes),
        TEST(route_changed_while_active),
        TEST(sgis),
        TEST(sgis_to_nobody),
        TEST(sgis_of_different_priority_are_different_outputs),
        TEST(ppis_are_each_vcpus_own),
        TEST(lines_that_are_not_there),
        TEST(the_timer),
        TEST(an_expiry_of_the_timer),
        TEST(several_outputs_of_one_change),
        TEST(a_late_report_of_an_end),
        TEST(the_last_output_is_said_again),
        TEST(changes_are_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
