// A local APIC: interrupts between CPUs, INIT and STARTUP among them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/vlapic/one.h"

static bool reaches(uint64_t command, uint32_t id, bool is_sender) {
    struct vlapic other;
    vlapic_reset(&other, id);
    assert_true(vlapic_write_msr(&other, VLAPIC_MSR_BASE, VLAPIC_PAGE | ONE_WIDE, one.now,
                                 &(struct vlapic_ipi){0}));
    one_put(ONE_ICR, command);
    return one.ipi.is_due && vlapic_ipi_is_for(&one.ipi, &other, is_sender);
}

static void test_destinations(void **state) {
    (void)state;
    assert_true(reaches(UINT64_C(2) << 32 | 0x40, 2, false));
    assert_false(reaches(UINT64_C(2) << 32 | 0x40, 3, false));
    assert_true(reaches(UINT64_C(0xffffffff) << 32 | 0x40, 7, false));
    assert_true(reaches(UINT64_C(0xffffffff) << 32 | 0x40, 0, true));
    assert_true(reaches(1u << 18 | 0x40, 0, true)); // itself
    assert_false(reaches(1u << 18 | 0x40, 1, false));
    assert_true(reaches(2u << 18 | 0x40, 0, true)); // all
    assert_true(reaches(2u << 18 | 0x40, 1, false));
    assert_false(reaches(3u << 18 | 0x40, 0, true)); // all others
    assert_true(reaches(3u << 18 | 0x40, 1, false));
    assert_true(reaches(UINT64_C(0x00010006) << 32 | 0x840, 17, false)); // by cluster and bit
    assert_true(reaches(UINT64_C(0x00010006) << 32 | 0x840, 18, false));
    assert_false(reaches(UINT64_C(0x00010006) << 32 | 0x840, 1, false));
    assert_false(reaches(UINT64_C(0x00010006) << 32 | 0x840, 19, false));
    for (unsigned mode = 1; mode < 8; mode++) { // to itself and to all: none but fixed ones
        assert_false(reaches(2u << 18 | mode << 8 | 0x40, 1, false));
        assert_false(reaches(1u << 18 | mode << 8 | 0x40, 0, true));
        const bool is_sent = mode != 2 && mode != 3 && mode != 7;
        assert_int_equal(reaches(3u << 18 | mode << 8 | 0x40, 1, false), is_sent);
        assert_int_equal(reaches(UINT64_C(1) << 32 | mode << 8 | 0x40, 1, false), is_sent);
    }
    assert_false(reaches(UINT64_C(1) << 32 | 0x8500, 1, false)); // the end of an INIT
    assert_true(reaches(UINT64_C(1) << 32 | 0xc500, 1, false));
    one_put(ONE_SELF, 0x66);
    assert_true(one.ipi.is_due && vlapic_ipi_is_for(&one.ipi, &one.lapic, true) &&
                one.ipi.vector == 0x66);
    assert_int_equal(one_get(ONE_ICR), UINT64_C(1) << 32 | 0xc500);
}

static void receive(enum vlapic_mode mode, uint8_t vector) {
    const struct vlapic_ipi arrives = {.is_due = true, .mode = (uint8_t)mode, .vector = vector};
    vlapic_receive(&one.lapic, &arrives);
}

static void expect_next(enum vlapic_effect effect, unsigned vector) {
    struct vlapic_output output;
    assert_true(vlapic_next(&one.lapic, &output));
    assert_int_equal(output.effect, effect);
    assert_int_equal(output.number, ++one.number);
    assert_int_equal(output.vector, vector);
}

static void expect_nothing(void) {
    struct vlapic_output output;
    assert_false(vlapic_next(&one.lapic, &output));
}

static void test_init_and_startup(void **state) {
    (void)state;
    receive(VLAPIC_STARTUP, 8); // it runs
    expect_nothing();
    one_raise(0x55);
    one_put(ONE_LVT_TIMER, 0x21);
    one_put(ONE_INITIAL, 1000);
    one_settle();
    receive(VLAPIC_NMI, 0);
    receive(VLAPIC_INIT, 0);
    receive(VLAPIC_INIT, 0);
    expect_next(VLAPIC_DO_INIT, 0);
    expect_nothing();
    assert_int_equal(one.lapic.given, 0); // the core forgets all, too
    assert_int_equal(one_get(ONE_SVR), 0xff);
    assert_int_equal(vlapic_deadline(&one.lapic), VLAPIC_NEVER);
    receive(VLAPIC_NMI, 0);
    receive(VLAPIC_FIXED, 0x44);
    expect_nothing();
    receive(VLAPIC_STARTUP, 0x9a);
    receive(VLAPIC_STARTUP, 0x9b);
    expect_next(VLAPIC_DO_STARTUP, 0x9a);
    expect_nothing();
    receive(VLAPIC_STARTUP, 0x9c);
    expect_nothing();
    receive(VLAPIC_INIT, 0);
    receive(VLAPIC_STARTUP, 0x10);
    expect_next(VLAPIC_DO_INIT, 0);
    expect_next(VLAPIC_DO_STARTUP, 0x10);
    expect_nothing();
}

static void test_others_wait_for_a_startup(void **state) {
    (void)state;
    vlapic_reset(&one.lapic, 3);
    one.number = 0;
    receive(VLAPIC_NMI, 0);
    expect_nothing();
    receive(VLAPIC_STARTUP, 0xff);
    expect_next(VLAPIC_DO_STARTUP, 0xff);
    receive(VLAPIC_NMI, 0);
    receive(VLAPIC_NMI, 0);
    expect_next(VLAPIC_DO_NMI, 0);
    expect_nothing();
}

static void test_off_it_hears_of_nobody(void **state) {
    (void)state;
    assert_true(vlapic_write_msr(&one.lapic, VLAPIC_MSR_BASE, VLAPIC_PAGE, one.now, &one.ipi));
    receive(VLAPIC_INIT, 0);
    receive(VLAPIC_NMI, 0);
    receive(VLAPIC_LOWEST, 0x50);
    expect_nothing();
}

#define TEST(name) cmocka_unit_test_setup(test_##name, one_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(destinations),
        TEST(init_and_startup),
        TEST(others_wait_for_a_startup),
        TEST(off_it_hears_of_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
