// A local APIC: its timer's three ways.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/vlapic/one.h"

static void test_a_deadline(void **state) {
    (void)state;
    uint64_t value;
    one_put(ONE_LVT_TIMER, 0x40000 | 0x20);
    assert_true(
        vlapic_write_msr(&one.lapic, VLAPIC_MSR_DEADLINE, one.now + 500, one.now, &one.ipi));
    assert_int_equal(vlapic_deadline(&one.lapic), one.now + 500);
    assert_true(vlapic_read_msr(&one.lapic, VLAPIC_MSR_DEADLINE, one.now, &value));
    assert_int_equal(value, one.now + 500);
    vlapic_tick(&one.lapic, one.now + 499);
    assert_int_equal(one_take(), 0);
    vlapic_tick(&one.lapic, one.now + 500);
    assert_int_equal(one_take(), 0x20);
    assert_int_equal(vlapic_deadline(&one.lapic), VLAPIC_NEVER);
    assert_true(vlapic_read_msr(&one.lapic, VLAPIC_MSR_DEADLINE, one.now, &value));
    assert_int_equal(value, 0);
    assert_true(vlapic_write_msr(&one.lapic, VLAPIC_MSR_DEADLINE, one.now + 9, one.now, &one.ipi));
    assert_true(vlapic_write_msr(&one.lapic, VLAPIC_MSR_DEADLINE, 0, one.now, &one.ipi));
    assert_int_equal(vlapic_deadline(&one.lapic), VLAPIC_NEVER);
    one_put(ONE_INITIAL, 1000); // counts in the other modes only
    assert_int_equal(vlapic_deadline(&one.lapic), VLAPIC_NEVER);
}

static void test_a_count(void **state) {
    (void)state;
    one_put(ONE_LVT_TIMER, 0x21);
    one_put(ONE_DCR, 0xb);
    one_put(ONE_INITIAL, 1000);
    assert_int_equal(vlapic_deadline(&one.lapic), one.now + 1000);
    one.now += 400;
    assert_int_equal(one_get(ONE_CURRENT), 600);
    assert_int_equal(one_get(ONE_INITIAL), 1000);
    one_put(ONE_DCR, 0x3); // by 16 from now on
    assert_int_equal(vlapic_deadline(&one.lapic), one.now + UINT64_C(600) * 16);
    one.now += UINT64_C(599) * 16;
    assert_int_equal(one_get(ONE_CURRENT), 1);
    one.now += 16;
    assert_int_equal(one_get(ONE_CURRENT), 0);
    vlapic_tick(&one.lapic, one.now);
    assert_int_equal(one_take(), 0x21);
    vlapic_tick(&one.lapic, one.now + 1000000);
    assert_int_equal(one_take(), 0);
    assert_true(vlapic_write_msr(&one.lapic, VLAPIC_MSR_DEADLINE, one.now + 5, one.now,
                                 &one.ipi)); // ignored
    assert_int_equal(vlapic_deadline(&one.lapic), VLAPIC_NEVER);
}

static void test_dividers(void **state) {
    (void)state;
    static const struct {
        unsigned dcr, divisor;
    } all[] = {{0, 2}, {1, 4}, {2, 8}, {3, 16}, {8, 32}, {9, 64}, {10, 128}, {11, 1}};
    one_put(ONE_LVT_TIMER, 0x21);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        one_put(ONE_INITIAL, 0);
        one_put(ONE_DCR, all[i].dcr);
        assert_int_equal(one_get(ONE_DCR), all[i].dcr);
        one_put(ONE_INITIAL, UINT32_MAX);
        assert_int_equal(vlapic_deadline(&one.lapic),
                         one.now + (uint64_t)UINT32_MAX * all[i].divisor);
    }
}

static void test_periods(void **state) {
    (void)state;
    one_put(ONE_DCR, 0xb);
    one_put(ONE_LVT_TIMER, 0x20000 | 0x22);
    one_put(ONE_INITIAL, 100);
    for (uint64_t i = 1; i < 4; i++) {
        vlapic_tick(&one.lapic, one.now + i * 100);
        assert_int_equal(one_take(), 0x22);
        one_put(ONE_EOI, 0);
        assert_int_equal(vlapic_deadline(&one.lapic), one.now + i * 100 + 100);
    }
    vlapic_tick(&one.lapic, one.now + 1050); // some went by unnoticed
    assert_int_equal(vlapic_deadline(&one.lapic), one.now + 1100);
    assert_int_equal(one_take(), 0x22);
    one_put(ONE_LVT_TIMER, 0x30022); // masked: it goes on, unheard
    assert_int_equal(vlapic_deadline(&one.lapic), VLAPIC_NEVER);
    one.now += 1150;
    vlapic_tick(&one.lapic, one.now);
    one_put(ONE_EOI, 0);
    assert_int_equal(one_take(), 0);
    assert_true(one_get(ONE_CURRENT) > 0);
    one_put(ONE_INITIAL, 0);
    assert_int_equal(one_get(ONE_CURRENT), 0);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, one_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_deadline),
        TEST(a_count),
        TEST(dividers),
        TEST(periods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
