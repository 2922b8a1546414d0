// Whose an interrupt becomes: routes, software's between vCPUs, a vCPU's own, lines of nobody.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/vgic/access.h"

#define PPI 22u

static uint64_t sgi(unsigned intid, uint64_t targets) { return (uint64_t)intid << 24 | targets; }

static void test_routes(void **state) {
    (void)state;
    access_route(ACCESS_SPI, 2);
    world_line(ACCESS_SPI, 0, true);
    access_expect_last(VGIC_RAISE, ACCESS_SPI, 1 << 2);
    access_route(ACCESS_SPI, 3);
    assert_int_equal(world_pending(ACCESS_SPI), 1 << 3);
    access_route(ACCESS_SPI, 0x100); // there is no such vCPU
    assert_int_equal(world_pending(ACCESS_SPI), 0);
    assert_true(access_spi_is(ACCESS_ISPENDR, ACCESS_SPI));
    access_route(ACCESS_SPI, 9);
    assert_int_equal(world_pending(ACCESS_SPI), 0);
    access_route(ACCESS_SPI, 1u << 31); // any: the one that had it last
    assert_int_equal(world_pending(ACCESS_SPI), 1 << 3);
    world_redistributor(3, 0x14, 4, 2);
    assert_int_equal(world_pending(ACCESS_SPI), 1 << 0); // another that is awake
    for (unsigned vcpu = 0; vcpu < 4; vcpu++) {
        world_redistributor(vcpu, 0x14, 4, 2);
    }
    assert_int_equal(world_pending(ACCESS_SPI), 0);
    world_redistributor(1, 0x14, 4, 0);
    assert_int_equal(world_pending(ACCESS_SPI), 1 << 1);
}

// One that is active stays its vCPU's until it is ended, whatever its route says meanwhile.
static void test_route_changed_while_active(void **state) {
    (void)state;
    access_spi(ACCESS_ICENABLER, ACCESS_SPI);
    access_edges(ACCESS_SPI);
    access_spi(ACCESS_ISENABLER, ACCESS_SPI);
    access_spi(ACCESS_ISPENDR, ACCESS_SPI);
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
    access_route(ACCESS_SPI, 1);
    unsigned outputs = world.outputs;
    access_spi(ACCESS_ISPENDR, ACCESS_SPI);
    assert_int_equal(world.outputs, outputs + 1);
    access_expect_last(VGIC_RAISE, ACCESS_SPI, 1 << 0);
    assert_int_equal(world.lr[1][ACCESS_SPI].state, 0);
    assert_int_equal(world.lr[0][ACCESS_SPI].state, VGIC_PENDING | VGIC_ACTIVE);
    // Looking again changes nothing.
    access_spi(ACCESS_ISENABLER, ACCESS_SPI);
    assert_int_equal(world.outputs, outputs + 1);
    // And where it was acknowledged and ended, nothing of it is left.
    world_end(0, ACCESS_SPI);
    assert_int_equal(world_acknowledge(0), ACCESS_SPI);
    world_end(0, ACCESS_SPI);
    access_spi(ACCESS_ISPENDR, ACCESS_SPI);
    access_expect_last(VGIC_RAISE, ACCESS_SPI, 1 << 1);
}

static void test_sgis(void **state) {
    (void)state;
    world_begin(16);
    world_start();
    for (unsigned vcpu = 0; vcpu < 16; vcpu++) {
        access_own(vcpu, ACCESS_ISENABLER, 5);
        access_own(vcpu, ACCESS_ISENABLER, 15);
    }
    world_sgi(3, sgi(5, 1 << 3)); // to itself
    access_expect_last(VGIC_RAISE, 5, 1 << 3);
    world_sgi(3, sgi(15, 0x8421)); // to several: one output
    access_expect_last(VGIC_RAISE, 15, 0x8421);
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
        access_own(vcpu, ACCESS_ISENABLER, 0);
    }
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        world_sgi(0, values[i]);
        assert_int_equal(world.outputs, 0);
    }
    world_sgi(0, 0xffff);
    access_expect_last(VGIC_RAISE, 0, 0xf);
}

static void test_sgis_of_different_priority_are_different_outputs(void **state) {
    (void)state;
    for (unsigned vcpu = 0; vcpu < 3; vcpu++) {
        access_own(vcpu, ACCESS_ISENABLER, 1);
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
    access_own(1, ACCESS_ISENABLER, PPI);
    access_own(2, ACCESS_ISENABLER, PPI);
    world_line(PPI, 1, true);
    access_expect_last(VGIC_RAISE, PPI, 1 << 1);
    world_line(PPI, 2, true);
    access_expect_last(VGIC_RAISE, PPI, 1 << 2);
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

#define TEST(name) cmocka_unit_test_setup(test_##name, access_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(routes),
        TEST(route_changed_while_active),
        TEST(sgis),
        TEST(sgis_to_nobody),
        TEST(sgis_of_different_priority_are_different_outputs),
        TEST(ppis_are_each_vcpus_own),
        TEST(lines_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
