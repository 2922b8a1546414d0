// A config that contradicts itself is refused before the first record, and the message names the
// entry.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pager/world.h"

static struct config_entry *entry(const char *name) {
    return (struct config_entry *)(uintptr_t)rt_need(name);
}

static void expect_refused(const char *named) {
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_DIED);
    if (!strstr(fakert.text, named)) {
        fail_msg("\"%s\" does not name %s", fakert.text, named);
    }
    world_begin(NULL);
}

// It says to init that it does not take over, and why; what is there stays as it is.
static void expect_not_taken(enum status why) {
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_REFUSED);
    assert_int_equal(fakert.refused, why);
    assert_int_equal(fakert.version, PAGER_STATE_VERSION);
    assert_int_equal(fakert.answered, 0);
}

static void expect_accepted(void) {
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    world_begin(NULL);
}

static void test_memory_that_cannot_be(void **state) {
    (void)state;
    entry("passthrough-9")->guest += 8;
    expect_refused("passthrough-9");
    entry("passthrough-9")->size -= 8;
    expect_refused("passthrough-9");
    entry("passthrough-9")->physical += 8;
    expect_refused("passthrough-9");
    entry("passthrough-9")->size = 0;
    expect_refused("passthrough-9");
    entry("passthrough-9")->rights = RIGHT_CALL;
    expect_refused("passthrough-9");
    entry("passthrough-9")->slot = 0;
    expect_refused("passthrough-9");
    entry("passthrough-9")->slot = 0x10000;
    expect_refused("passthrough-9");
    entry("passthrough-9")->guest = 1ull << 59;
    expect_refused("passthrough-9");
    entry("passthrough-9")->guest = (1ull << 59) - FLASH_SIZE;
    expect_accepted();
    entry("passthrough-9")->size = -FLASH_BASE;
    expect_refused("passthrough-9");
}

static void test_regions_that_overlap(void **state) {
    (void)state;
    const uint64_t bases[] = {BIG_BASE, BIG_BASE + BIG_SIZE - 0x1000,
                              BIG_BASE - FLASH_SIZE + 0x1000, SMALL_BASE - 0x1000};
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        entry("passthrough-9")->guest = bases[i];
        expect_refused("passthrough");
    }
    entry("passthrough-9")->guest = BIG_BASE - FLASH_SIZE;
    expect_accepted();
    entry("passthrough-9")->guest = BIG_BASE + BIG_SIZE;
    expect_accepted();
}

static void test_devices(void **state) {
    (void)state;
    strcpy(entry("device-9:goldfish-rtc")->name, "device-9:goldfish");
    expect_refused("device-9:goldfish");
    entry("device-9:goldfish-rtc")->guest += 4;
    expect_refused("device-9:goldfish-rtc");
    entry("device-9:goldfish-rtc")->size = 0x24;
    expect_refused("device-9:goldfish-rtc");
    entry("device-9:goldfish-rtc")->size = 0x28;
    expect_accepted();
    for (unsigned i = 0; i < PAGER_DEVICES; i++) {
        struct config_entry *more = fakert_entry("device-9:goldfish-rtc", CONFIG_NUMBER);
        more->guest = 0x1000 * i;
        more->size = 0x100;
    }
    expect_refused("device-9:goldfish-rtc");
}

static void test_too_many_of_anything(void **state) {
    (void)state;
    for (unsigned i = 0; i < REGION_MAX - 4; i++) {
        struct config_entry *more = fakert_entry("ram-9", CONFIG_CAP);
        *more = *entry("passthrough-9");
        strcpy(more->name, "ram-9");
        more->guest = (0x1000ull + i) << 30;
    }
    expect_refused("ram-9");
    for (unsigned i = 0; i < PAGER_VCPUS - 2; i++) {
        fakert_entry("vcpu-9", CONFIG_CAP)->slot = 100 + i;
    }
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    fakert_entry("vcpu-2", CONFIG_CAP)->slot = 100;
    expect_refused("vcpu");
    fakert_entry("vcpu-100", CONFIG_CAP)->slot = 100;
    fakert_entry("vcpu-255", CONFIG_CAP)->slot = 100;
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    fakert_entry("vcpu-5", CONFIG_CAP)->slot = 100;
    expect_refused("vcpu-5");
}

static void test_state_of_others(void **state) {
    (void)state;
    static uint8_t before[4096];
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    struct state_header *header = (struct state_header *)(void *)world_state;
    header->version = PAGER_STATE_VERSION + 1;
    memcpy(before, world_state, sizeof(before));
    expect_not_taken(STATUS_UNSUPPORTED);
    assert_memory_equal(before, world_state, sizeof(before));
    entry("state")->size = 1000;
    expect_not_taken(STATUS_NO_MEMORY);
    world_begin(NULL);
    strcpy(entry("state")->name, "estate");
    expect_refused("state");
}

static void test_init_that_cannot_be_called_ends_the_server(void **state) {
    (void)state;
    struct message record = world_fault(0, ACCESS_READ);
    fakert_send(&record);
    fakert.call_status = STATUS_NO_CAP;
    expect_refused("init");
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(memory_that_cannot_be),
        TEST(regions_that_overlap),
        TEST(devices),
        TEST(too_many_of_anything),
        TEST(state_of_others),
        TEST(init_that_cannot_be_called_ends_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
