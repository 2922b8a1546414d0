// The clock PL031 as the manual has it (Arm DDI 0224, chapter 3): the count, its load, the match.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libs/state/state.h"
#include "servers/npf-pager/device.h"

#define DR 0x00
#define MR 0x04
#define LR 0x08
#define CR 0x0c
#define IMSC 0x10
#define RIS 0x14
#define MIS 0x18
#define ICR 0x1c

#define SECOND 1000000000ull
#define EPOCH (1700000000ull * SECOND + 999999999)

static const struct device_model *model;
static struct state state;
static _Alignas(8) uint8_t region[STATE_SLOTS_AT + 2 * 8 * DEVICE_WORDS];
static uint64_t now; // nanoseconds since the machine was started

static const uint64_t *words(void) { return state_current(&state); }

static int begin(void **unused) {
    (void)unused;
    static uint64_t initial[DEVICE_WORDS];
    static const struct state_layout layout = {"test", 1, sizeof(initial), initial, NULL};
    model = device_find("pl031");
    memset(initial, 0, sizeof(initial));
    memset(region, 0, sizeof(region));
    model->reset(initial, EPOCH);
    now = 0;
    return state_open(&state, region, sizeof(region), &layout);
}

static uint64_t load(uint64_t offset) {
    uint64_t value = model->read(&state, words(), offset, now);
    assert_int_equal(state.changes, 0); // reading changes nothing
    return value;
}

static void store(uint64_t offset, uint64_t value) {
    model->write(&state, words(), offset, now, value);
    state_commit(&state);
}

static void test_counts_seconds(void **unused) {
    (void)unused;
    assert_int_equal(model->sizes, 4);
    assert_int_equal(load(DR), 1700000000);
    now = 1;
    assert_int_equal(load(DR), 1700000001);
    now += SECOND - 1;
    assert_int_equal(load(DR), 1700000001);
    now += 1;
    assert_int_equal(load(DR), 1700000002);
    store(DR, 5); // read-only
    assert_int_equal(load(DR), 1700000002);
}

static void test_loads(void **unused) {
    (void)unused;
    now = 12345678;
    store(LR, 1000);
    assert_int_equal(load(LR), 1000);
    assert_int_equal(load(DR), 1000);
    now += SECOND - 1;
    assert_int_equal(load(DR), 1000);
    now += 1;
    assert_int_equal(load(DR), 1001);
    assert_int_equal(load(LR), 1000);
    store(LR, UINT32_MAX);
    assert_int_equal(load(DR), UINT32_MAX);
    now += SECOND;
    assert_int_equal(load(DR), 0); // 32 bits
}

static void test_matches(void **unused) {
    (void)unused;
    store(LR, 1000);
    store(MR, 1010);
    assert_int_equal(load(MR), 1010);
    now += 10 * SECOND - 1;
    assert_int_equal(load(RIS), 0);
    now += 1;
    assert_int_equal(load(RIS), 1);
    assert_int_equal(load(MIS), 0);
    store(IMSC, 0xffffffff);
    assert_int_equal(load(IMSC), 1);
    assert_int_equal(load(MIS), 1);
    now += 5 * SECOND; // it stays
    assert_int_equal(load(MIS), 1);
    store(MR, 2000); // whatever is asked for next
    assert_int_equal(load(MIS), 1);
    store(LR, 1020);
    assert_int_equal(load(MIS), 1);
    store(ICR, 0);
    assert_int_equal(load(MIS), 1);
    store(ICR, 1);
    assert_int_equal(load(MIS), 0);
    assert_int_equal(load(RIS), 0);
    now += 979 * SECOND;
    assert_int_equal(load(RIS), 0);
    now += SECOND;
    assert_int_equal(load(DR), 2000);
    assert_int_equal(load(RIS), 1);
    store(IMSC, 0);
    assert_int_equal(load(MIS), 0);
}

static void test_matches_at_once(void **unused) {
    (void)unused;
    store(LR, 1000);
    now += SECOND / 2;
    store(MR, 1000);
    assert_int_equal(load(RIS), 1);
    store(ICR, 1); // and not again in this second, nor in the next
    assert_int_equal(load(RIS), 0);
    now += 2 * SECOND;
    assert_int_equal(load(RIS), 0);
    store(LR, 1000); // the count is set to what is waited for
    assert_int_equal(load(RIS), 1);
}

static void test_matches_round_the_count(void **unused) {
    (void)unused;
    store(LR, 1000);
    store(MR, 999);
    assert_int_equal(load(RIS), 0);
    now += (1ull << 32) * SECOND - SECOND - 1;
    assert_int_equal(load(RIS), 0);
    now += 1;
    assert_int_equal(load(DR), 999);
    assert_int_equal(load(RIS), 1);
    // Setting the clock moves the match.
    store(ICR, 1);
    store(MR, 2000);
    store(LR, 1990);
    now += 9 * SECOND;
    assert_int_equal(load(RIS), 0);
    now += SECOND;
    assert_int_equal(load(RIS), 1);
}

static void test_other_registers(void **unused) {
    (void)unused;
    static const uint8_t ids[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    assert_int_equal(load(CR), 1); // started
    store(CR, 0);
    assert_int_equal(load(CR), 1);
    for (unsigned n = 0; n < 8; n++) {
        store(0xfe0 + 4 * n, 0);
        assert_int_equal(load(0xfe0 + 4 * n), ids[n]);
    }
    assert_int_equal(load(ICR), 0);
    assert_int_equal(load(0x20), 0);
    assert_int_equal(load(0x1000), 0);
    assert_int_equal(load(UINT64_MAX - 3), 0);
    store(RIS, 1);
    store(MIS, 1);
    store(0x20, 1);
    assert_int_equal(load(RIS), 0);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(counts_seconds),          TEST(loads),           TEST(matches), TEST(matches_at_once),
        TEST(matches_round_the_count), TEST(other_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
