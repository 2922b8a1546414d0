// A local APIC: its modes, and its registers in both.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/vlapic/one.h"

static void test_modes_follow_one_another(void **state) {
    (void)state;
    uint64_t value;
    vlapic_reset(&one.lapic, 3);
    assert_true(vlapic_read_msr(&one.lapic, VLAPIC_MSR_BASE, one.now, &value));
    assert_int_equal(value, VLAPIC_PAGE | ONE_ENABLED);
    assert_false(vlapic_read_msr(&one.lapic, ONE_MSR(ONE_ID), one.now, &value));
    assert_int_equal(vlapic_read_page(&one.lapic, 0x20, one.now), 3u << 24);
    one_refuse(VLAPIC_MSR_BASE, VLAPIC_PAGE | 0x400);
    one_refuse(VLAPIC_MSR_BASE, 0xfed00000 | ONE_ENABLED);
    one_refuse(VLAPIC_MSR_BASE, VLAPIC_PAGE | ONE_ENABLED | 1);
    assert_true(
        vlapic_write_msr(&one.lapic, VLAPIC_MSR_BASE, VLAPIC_PAGE | ONE_WIDE, one.now, &one.ipi));
    assert_int_equal(vlapic_read_page(&one.lapic, 0x20, one.now), 0);
    assert_int_equal(one_get(ONE_ID), 3);
    one_refuse(VLAPIC_MSR_BASE, VLAPIC_PAGE | ONE_ENABLED);
    one_put(ONE_SVR, 0x1ff);
    one_put(ONE_TPR, 0x50);
    one_settle();
    assert_int_equal(one.cr8, 5);
    assert_true(vlapic_write_msr(&one.lapic, VLAPIC_MSR_BASE, VLAPIC_PAGE, one.now, &one.ipi));
    one_settle();
    assert_int_equal(one.cr8, 0);
    one_refuse(VLAPIC_MSR_BASE, VLAPIC_PAGE | ONE_WIDE);
    assert_true(vlapic_write_msr(&one.lapic, VLAPIC_MSR_BASE, VLAPIC_PAGE | ONE_ENABLED, one.now,
                                 &one.ipi));
    assert_int_equal(vlapic_read_page(&one.lapic, 0x80, one.now), 0);
    assert_int_equal(vlapic_read_page(&one.lapic, 0xf0, one.now), 0xff);
    vlapic_reset(&one.lapic, 0); // the first CPU says so
    assert_true(vlapic_read_msr(&one.lapic, VLAPIC_MSR_BASE, one.now, &value));
    assert_int_equal(value, VLAPIC_PAGE | ONE_ENABLED | 0x100);
}

static void test_registers_by_msr(void **state) {
    (void)state;
    uint64_t value;
    assert_int_equal(one_get(ONE_VERSION), 0x00050014);
    assert_int_equal(one_get(ONE_LDR), 1);
    one_put(ONE_TPR, 0x20);
    assert_int_equal(one_get(ONE_TPR), 0x20);
    assert_int_equal(one_get(ONE_PPR), 0x20);
    one_put(ONE_LVT_LINT0, 0x10700);
    assert_int_equal(one_get(ONE_LVT_LINT0), 0x10700);
    const uint32_t not_there[] = {0x00, 0x04, 0x09, 0x0c, 0x0e, 0x29, 0x2f, 0x31, 0x3a, 0x40, 0xff};
    for (size_t i = 0; i < sizeof(not_there) / sizeof(not_there[0]); i++) {
        assert_false(vlapic_read_msr(&one.lapic, ONE_MSR(not_there[i]), one.now, &value));
        one_refuse(ONE_MSR(not_there[i]), 0);
    }
    const uint32_t not_to_write[] = {ONE_ID,  ONE_VERSION, ONE_PPR,    ONE_LDR,
                                     ONE_ISR, ONE_IRR,     ONE_CURRENT};
    for (size_t i = 0; i < sizeof(not_to_write) / sizeof(not_to_write[0]); i++) {
        one_refuse(ONE_MSR(not_to_write[i]), 0);
    }
    const uint32_t not_to_read[] = {ONE_EOI, ONE_SELF};
    for (size_t i = 0; i < sizeof(not_to_read) / sizeof(not_to_read[0]); i++) {
        assert_false(vlapic_read_msr(&one.lapic, ONE_MSR(not_to_read[i]), one.now, &value));
    }
    one_refuse(ONE_MSR(ONE_EOI), 1);
    one_refuse(ONE_MSR(ONE_ESR), 1);
    one_refuse(ONE_MSR(ONE_TPR), 0x100);
    one_refuse(ONE_MSR(ONE_SELF), 0x100);
    one_refuse(ONE_MSR(ONE_LVT_TIMER), 3u << 17);
    one_refuse(ONE_MSR(ONE_INITIAL), UINT64_C(1) << 32);
    assert_false(vlapic_read_msr(&one.lapic, 0x900, one.now, &value));
    assert_false(vlapic_read_msr(&one.lapic, 0x7ff, one.now, &value));
}

static void test_the_page_is_the_same(void **state) {
    (void)state;
    vlapic_reset(&one.lapic, 1);
    vlapic_write_page(&one.lapic, 0xf0, 0x1ff, one.now, &one.ipi);
    vlapic_write_page(&one.lapic, 0x80, 0x30, one.now, &one.ipi);
    assert_int_equal(vlapic_read_page(&one.lapic, 0x80, one.now), 0x30);
    assert_int_equal(vlapic_read_page(&one.lapic, 0x81, one.now), 0);
    vlapic_write_page(&one.lapic, 0x84, 0x40, one.now, &one.ipi);
    assert_int_equal(vlapic_read_page(&one.lapic, 0x80, one.now), 0x30);
    assert_int_equal(vlapic_read_page(&one.lapic, 0x1080, one.now), 0);
    vlapic_write_page(&one.lapic, 0xd0, 0x02ffffff, one.now, &one.ipi);
    assert_int_equal(vlapic_read_page(&one.lapic, 0xd0, one.now), 0x02000000);
    assert_int_equal(vlapic_read_page(&one.lapic, 0xe0, one.now), 0xffffffff);
    vlapic_write_page(&one.lapic, 0x310, 0x05000000, one.now, &one.ipi);
    assert_false(one.ipi.is_due);
    vlapic_write_page(&one.lapic, 0x300, 0x41, one.now, &one.ipi);
    assert_true(one.ipi.is_due && one.ipi.destination == 5 && one.ipi.vector == 0x41 &&
                !one.ipi.is_wide);
    assert_int_equal(vlapic_read_page(&one.lapic, 0x310, one.now), 0x05000000);
    assert_int_equal(vlapic_read_page(&one.lapic, 0x300, one.now), 0x41);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, one_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(modes_follow_one_another),
        TEST(registers_by_msr),
        TEST(the_page_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
