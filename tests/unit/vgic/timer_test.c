// The timer's interrupt, which the core raises by itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/vgic/access.h"

static void expect_timer(unsigned vcpu, unsigned intid, unsigned priority) {
    access_expect_last(VGIC_SET_TIMER, intid, 1u << vcpu);
    assert_int_equal(world.last.priority, priority);
}

static bool timer_is(unsigned reg, unsigned vcpu) {
    return world_read_own(vcpu, 0x10000 + reg) & access_bit(VGIC_TIMER);
}

// The core is told how the timer's interrupt is to be raised, whenever that becomes something else.
static void test_the_timer(void **state) {
    (void)state;
    unsigned outputs = world.outputs;
    world_redistributor(1, 0x10400 + VGIC_TIMER, 1, 0x67);
    assert_int_equal(world.outputs, outputs); // it is not enabled
    access_own(1, ACCESS_ISENABLER, VGIC_TIMER);
    expect_timer(1, VGIC_TIMER, 0x60);
    world_redistributor(1, 0x10400 + VGIC_TIMER, 1, 0x40);
    expect_timer(1, VGIC_TIMER, 0x40);
    access_own(1, ACCESS_ICENABLER, VGIC_TIMER);
    expect_timer(1, 0, 0);
    access_own(1, ACCESS_ISENABLER, VGIC_TIMER);
    access_own(1, ACCESS_ISACTIVER, VGIC_TIMER);
    expect_timer(1, 0, 0);
    access_own(1, ACCESS_ICACTIVER, VGIC_TIMER);
    expect_timer(1, VGIC_TIMER, 0x40);
    world_redistributor(1, 0x14, 4, 2); // asleep
    expect_timer(1, 0, 0);
    world_redistributor(1, 0x14, 4, 0);
    expect_timer(1, VGIC_TIMER, 0x40);
    world_distributor(0, 4, 0);
    expect_timer(1, 0, 0);
    world_distributor(0, 4, 2);
    expect_timer(1, VGIC_TIMER, 0x40);
    world_redistributor(1, 0x10080, 4, ~access_bit(VGIC_TIMER)); // group 0
    expect_timer(1, 0, 0);
    world_redistributor(1, 0x10080, 4, ~0u);
    expect_timer(1, VGIC_TIMER, 0x40);
    outputs = world.outputs;
    access_own(1, ACCESS_ISENABLER, VGIC_TIMER); // nothing new
    access_own(1, ACCESS_ISPENDR, VGIC_TIMER);   // only the timer itself makes it pending
    access_own(1, ACCESS_ICPENDR, VGIC_TIMER);
    assert_int_equal(world.outputs, outputs);
    for (unsigned vcpu = 0; vcpu < 4; vcpu++) {
        assert_int_equal(world.timer[vcpu] != 0, vcpu == 1);
    }
}

// What is read of the timer's interrupt is what the list register holds of it.
static void test_an_expiry_of_the_timer(void **state) {
    (void)state;
    world_timer(1, true);
    assert_int_equal(world_acknowledge(1), WORLD_SPURIOUS);
    access_own(1, ACCESS_ISENABLER, VGIC_TIMER);
    assert_true(timer_is(ACCESS_ISPENDR, 1));
    assert_false(timer_is(ACCESS_ISPENDR, 0));
    access_own(1, ACCESS_ICENABLER, VGIC_TIMER); // taken back
    assert_int_equal(world_acknowledge(1), WORLD_SPURIOUS);
    access_own(1, ACCESS_ISENABLER, VGIC_TIMER);
    assert_int_equal(world_acknowledge(1), VGIC_TIMER);
    assert_true(timer_is(ACCESS_ISACTIVER, 1));
    assert_false(timer_is(ACCESS_ISPENDR, 1));
    access_own(1, ACCESS_ISACTIVER, VGIC_TIMER); // it is
    assert_int_not_equal(world.timer[1], 0);
    access_own(1, ACCESS_ICACTIVER,
               VGIC_TIMER); // what the guest acknowledged; the timer is asserted still
    access_expect_last(VGIC_DEACTIVATE, VGIC_TIMER, 1 << 1);
    assert_int_equal(world_acknowledge(1), VGIC_TIMER);
    world_timer(1, false);
    world_end(1, VGIC_TIMER);
    assert_false(timer_is(ACCESS_ISACTIVER, 1));
    assert_int_equal(world_acknowledge(1), WORLD_SPURIOUS);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, access_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_timer),
        TEST(an_expiry_of_the_timer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
