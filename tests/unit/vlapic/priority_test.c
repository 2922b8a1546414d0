// A local APIC: what is given to the core, and when.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/vlapic/one.h"

static void test_priorities(void **state) {
    (void)state;
    one_raise(0x41);
    one_raise(0x82);
    one_raise(0x43);
    assert_int_equal(one_take(), 0x82);
    assert_int_equal(one_get(ONE_PPR), 0x80);
    assert_int_equal(one_get(ONE_ISR + 4), 1u << 2);
    assert_int_equal(one_get(ONE_IRR + 2), 1u << 1 | 1u << 3);
    assert_int_equal(one_take(), 0); // the same class or below waits
    one_raise(0x91);
    assert_int_equal(one_take(), 0x91);
    one_put(ONE_EOI, 0);
    assert_int_equal(one_take(), 0);
    one_put(ONE_EOI, 0);
    assert_int_equal(one_take(), 0x43);
    one_put(ONE_EOI, 0);
    one_put(ONE_TPR, 0x40);
    assert_int_equal(one_get(ONE_PPR), 0x40);
    assert_int_equal(one_take(), 0);
    one_put(ONE_TPR, 0x3f);
    assert_int_equal(one_take(), 0x41);
    one_put(ONE_EOI, 0);
    one_put(ONE_EOI, 0); // of nothing
    assert_int_equal(one_get(ONE_PPR), 0x3f);
}

static void test_the_less_urgent_is_taken_back(void **state) {
    (void)state;
    one_raise(0x31);
    one_settle();
    assert_true(one_has(0x31));
    assert_int_equal(one_get(ONE_IRR + 1), 1u << 17);
    one_raise(0x71);
    one_settle();
    assert_true(one_has(0x71) && !one_has(0x31));
    one_put(ONE_TPR, 0x70);
    one_settle();
    assert_false(one_has_any());
    assert_int_equal(one_get(ONE_IRR + 3), 1u << 17);
    one_put(ONE_TPR, 0);
    assert_int_equal(one_take(), 0x71);
    one_put(ONE_EOI, 0);
    assert_int_equal(one_take(), 0x31);
}

static void test_one_that_is_pending_is_pending_once(void **state) {
    (void)state;
    one_raise(0x50);
    one_raise(0x50);
    one_settle();
    one_raise(0x50); // the core has it, and the guest has not taken it
    assert_int_equal(one_take(), 0x50);
    one_raise(0x50); // while it is in service, one more may wait
    one_raise(0x50);
    assert_int_equal(one_take(), 0);
    one_put(ONE_EOI, 0);
    assert_int_equal(one_take(), 0x50);
    one_put(ONE_EOI, 0);
    assert_int_equal(one_take(), 0);
}

static void test_off_it_is_silent(void **state) {
    (void)state;
    one_put(ONE_LVT_TIMER, 0x40020);
    one_put(ONE_SVR, 0xff);
    assert_int_equal(one_get(ONE_LVT_TIMER), 0x50020);
    one_put(ONE_LVT_TIMER, 0x40020);
    assert_int_equal(one_get(ONE_LVT_TIMER), 0x50020);
    one_raise(0x50);
    assert_int_equal(one_take(), 0);
    one_put(ONE_SVR, 0x1ff);
    assert_int_equal(one_take(), 0);
    assert_int_equal(one_get(ONE_LVT_TIMER), 0x50020);
}

static void test_vectors_that_are_none(void **state) {
    (void)state;
    one_put(ONE_LVT_ERROR, 0x33);
    one_raise(15);
    assert_int_equal(one_take(), 0x33);
    assert_int_equal(one_get(ONE_ESR), 0);
    one_put(ONE_ESR, 0);
    assert_int_equal(one_get(ONE_ESR), 0x40);
    one_put(ONE_ESR, 0);
    assert_int_equal(one_get(ONE_ESR), 0);
    one_put(ONE_ICR, 0x0f);
    assert_false(one.ipi.is_due);
    one_put(ONE_ESR, 0);
    assert_int_equal(one_get(ONE_ESR), 0x20);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, one_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(priorities),
        TEST(the_less_urgent_is_taken_back),
        TEST(one_that_is_pending_is_pending_once),
        TEST(off_it_is_silent),
        TEST(vectors_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
