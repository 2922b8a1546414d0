// What becomes of single interrupts, from their line to the list register and back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/vgic/access.h"

static uint64_t sgi(unsigned intid, uint64_t targets) { return (uint64_t)intid << 24 | targets; }

static void test_level_stays_until_its_line_falls(void **state) {
    (void)state;
    access_priority(ACCESS_SPI, 0xa0);
    world_line(ACCESS_SPI, 0, true);
    access_expect_last(VGIC_RAISE, ACCESS_SPI, 1);
    assert_int_equal(world.last.priority, 0xa0);
    assert_true(world.last.notify);
    assert_true(access_spi_is(ACCESS_ISPENDR, ACCESS_SPI));
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
    assert_true(access_spi_is(ACCESS_ISACTIVER, ACCESS_SPI));
    assert_true(access_spi_is(ACCESS_ISPENDR, ACCESS_SPI)); // by its line
    world_end(0, ACCESS_SPI);
    assert_int_equal(world.outputs, 2); // again
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
    world_line(ACCESS_SPI, 0, false);
    assert_false(access_spi_is(ACCESS_ISPENDR, ACCESS_SPI));
    world_end(0, ACCESS_SPI);
    assert_int_equal(world.outputs, 2);
    assert_int_equal(world_pending(ACCESS_SPI), 0);
    assert_false(access_spi_is(ACCESS_ISACTIVER, ACCESS_SPI));
}

static void test_level_that_falls_before_it_is_taken(void **state) {
    (void)state;
    world_line(ACCESS_SPI, 0, true);
    world_line(ACCESS_SPI, 0, false);
    access_expect_last(VGIC_TAKE_BACK, ACCESS_SPI, 1);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
    world_line(ACCESS_SPI, 0, true);
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
}

static void test_edge_is_given_once(void **state) {
    (void)state;
    access_spi(ACCESS_ICENABLER, ACCESS_SPI);
    access_edges(ACCESS_SPI);
    access_spi(ACCESS_ISENABLER, ACCESS_SPI);
    world_line(ACCESS_SPI, 0, true);
    access_expect_last(VGIC_RAISE, ACCESS_SPI, 1);
    assert_false(world.last.notify);
    world_line(ACCESS_SPI, 0, true); // no edge
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
    world_end(0, ACCESS_SPI);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
    world_line(ACCESS_SPI, 0, false);
    assert_int_equal(world.outputs, 1);
    world_line(ACCESS_SPI, 0, true);
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
}

static void test_edge_while_active_comes_again(void **state) {
    (void)state;
    access_spi(ACCESS_ICENABLER, ACCESS_SPI);
    access_edges(ACCESS_SPI);
    access_spi(ACCESS_ISENABLER, ACCESS_SPI);
    world_line(ACCESS_SPI, 0, true);
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
    world_line(ACCESS_SPI, 0, false);
    world_line(ACCESS_SPI, 0, true);
    assert_true(access_spi_is(ACCESS_ISPENDR, ACCESS_SPI));
    assert_true(access_spi_is(ACCESS_ISACTIVER, ACCESS_SPI));
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
    world_end(0, ACCESS_SPI);
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
    world_end(0, ACCESS_SPI);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
}

static void test_disabled_while_pending(void **state) {
    (void)state;
    access_spi(ACCESS_ISPENDR, ACCESS_SPI); // latched
    access_expect_last(VGIC_RAISE, ACCESS_SPI, 1);
    access_spi(ACCESS_ICENABLER, ACCESS_SPI);
    access_expect_last(VGIC_TAKE_BACK, ACCESS_SPI, 1);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
    assert_true(access_spi_is(ACCESS_ISPENDR, ACCESS_SPI));
    access_spi(ACCESS_ISENABLER, ACCESS_SPI);
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
    access_spi(ACCESS_ICENABLER, ACCESS_SPI); // it stays active
    assert_true(access_spi_is(ACCESS_ISACTIVER, ACCESS_SPI));
    world_end(0, ACCESS_SPI);
    access_spi(ACCESS_ISENABLER, ACCESS_SPI);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
}

static void test_cleared_while_pending(void **state) {
    (void)state;
    access_spi(ACCESS_ISPENDR, ACCESS_SPI);
    access_spi(ACCESS_ICPENDR, ACCESS_SPI);
    access_expect_last(VGIC_TAKE_BACK, ACCESS_SPI, 1);
    assert_false(access_spi_is(ACCESS_ISPENDR, ACCESS_SPI));
    world_line(ACCESS_SPI, 0, true);
    access_spi(ACCESS_ICPENDR, ACCESS_SPI); // its line is what makes it pending
    assert_true(access_spi_is(ACCESS_ISPENDR, ACCESS_SPI));
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
}

// A level-sensitive interrupt that software made pending too: it comes once more.
static void test_latched_beside_its_line(void **state) {
    (void)state;
    world_line(ACCESS_SPI, 0, true);
    access_spi(ACCESS_ISPENDR, ACCESS_SPI);
    world_line(ACCESS_SPI, 0, false);
    assert_true(access_spi_is(ACCESS_ISPENDR, ACCESS_SPI));
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
    access_spi(ACCESS_ISPENDR, ACCESS_SPI);
    world_end(0, ACCESS_SPI);
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
    world_end(0, ACCESS_SPI);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
}

static void test_switches(void **state) {
    (void)state;
    world_line(ACCESS_SPI, 0, true);
    world_distributor(0, 4, 0);
    access_expect_last(VGIC_TAKE_BACK, ACCESS_SPI, 1);
    world_distributor(0, 4, 2);
    access_expect_last(VGIC_RAISE, ACCESS_SPI, 1);
    world_redistributor(0, 0x14, 4, 2); // the vCPU goes to sleep
    access_expect_last(VGIC_TAKE_BACK, ACCESS_SPI, 1);
    world_redistributor(0, 0x14, 4, 0);
    access_expect_last(VGIC_RAISE, ACCESS_SPI, 1);
    world_distributor(0x84, 4, ~access_bit(ACCESS_SPI)); // group 0 is not forwarded
    access_expect_last(VGIC_TAKE_BACK, ACCESS_SPI, 1);
    assert_true(access_spi_is(ACCESS_ISPENDR, ACCESS_SPI));
}

static void test_active_by_software(void **state) {
    (void)state;
    access_spi(ACCESS_ISACTIVER, ACCESS_SPI);
    access_spi(ACCESS_ISPENDR, ACCESS_SPI);
    assert_int_equal(world.outputs, 0);
    assert_true(access_spi_is(ACCESS_ICACTIVER, ACCESS_SPI));
    access_spi(ACCESS_ICACTIVER, ACCESS_SPI);
    access_expect_last(VGIC_RAISE, ACCESS_SPI, 1);
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
    access_spi(ACCESS_ICACTIVER, ACCESS_SPI); // what the guest acknowledged
    access_expect_last(VGIC_DEACTIVATE, ACCESS_SPI, 1);
    assert_false(access_spi_is(ACCESS_ISACTIVER, ACCESS_SPI));
    world_line(ACCESS_SPI, 0, true);
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
}

// All that is due leaves at once, each with a number of its own.
static void test_several_outputs_of_one_change(void **state) {
    (void)state;
    static const unsigned intids[] = {2, 41, 45, 50, 60};
    world_distributor(0, 4, 0);
    world_distributor(0xc08, 4, 0xaaaaaaaa);
    world_distributor(0xc0c, 4, 0xaaaaaaaa);
    world_distributor(0x104, 4, 0xffffffff);
    access_own(0, ACCESS_ISENABLER, 2);
    world_distributor(0x204, 4, access_bit(41) | access_bit(45) | access_bit(50) | access_bit(60));
    access_own(0, ACCESS_ISPENDR, 2);
    assert_int_equal(world.outputs, 0);
    world_distributor(0, 4, 2);
    assert_int_equal(world.outputs, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(world_acknowledge(0), intids[i]);
    }
    world_distributor(0x204, 4, access_bit(41) | access_bit(45) | access_bit(50) | access_bit(60));
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
    access_own(0, ACCESS_ISENABLER, 1);
    world_sgi(1, sgi(1, 1));
    assert_int_equal(world_acknowledge(0), 1);
    world_end(0, 1);
    world_sgi(1, sgi(1, 1)); // served before
    vgic_ended(&world.vgic, 0, 1);
    access_own(0, ACCESS_ICENABLER, 1);
    access_expect_last(VGIC_TAKE_BACK, 1, 1);
    assert_int_equal(world_acknowledge(0), WORLD_SPURIOUS);
    access_own(0, ACCESS_ISENABLER, 1);
    assert_int_equal(world_acknowledge(0), 1);
}

// Whoever takes over finds the last output in the state, whole.
static void test_the_last_output_is_said_again(void **state) {
    (void)state;
    world_begin(4);
    assert_int_equal(vgic_last(&world.vgic).effect, VGIC_NONE);
    access_begin(NULL);
    access_priority(ACCESS_SPI, 0x58);
    access_route(ACCESS_SPI, 3);
    world_line(ACCESS_SPI, 0, true);
    struct vgic_output last = vgic_last(&world.vgic);
    assert_int_equal(last.effect, VGIC_RAISE);
    assert_int_equal(last.intid, ACCESS_SPI);
    assert_int_equal(last.vcpus, 1 << 3);
    assert_int_equal(last.priority, 0x58);
    assert_true(last.notify);
    assert_int_equal(last.number, 1);
    world_line(ACCESS_SPI, 0, false);
    assert_int_equal(vgic_last(&world.vgic).effect, VGIC_TAKE_BACK);
    assert_int_equal(vgic_last(&world.vgic).number, 2);
}

// The commonest changes stay within what a commit does word by word.
static void test_changes_are_small(void **state) {
    (void)state;
    struct vgic_output output;
    access_own(1, ACCESS_ISENABLER, 1);
    world.looks = 0;
    for (unsigned what = 0; what < 2; what++) {
        if (what == 0) {
            vgic_sgi(&world.vgic, 0, sgi(1, 2));
        } else {
            vgic_line(&world.vgic, ACCESS_SPI, 0, true);
        }
        assert_true(vgic_next(&world.vgic, &output));
        assert_true(world.state.changes <= STATE_CHANGES / 2);
        state_commit(&world.state);
    }
    assert_int_equal(world.looks, 0);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, access_begin)

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
        TEST(several_outputs_of_one_change),
        TEST(a_late_report_of_an_end),
        TEST(the_last_output_is_said_again),
        TEST(changes_are_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
