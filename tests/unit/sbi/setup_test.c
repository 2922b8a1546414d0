// A config that contradicts itself, and state that is not for this server, are refused before the
// first record, and the message names what is wrong.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sbi/world.h"

static struct config_entry *entry(const char *name) {
    return (struct config_entry *)(uintptr_t)rt_need(name);
}

static void expect_refused(const char *named) {
    assert_int_equal(fakert_run(sbi_server_main), FAKERT_DIED);
    if (!strstr(fakert.text, named)) {
        fail_msg("\"%s\" does not name %s", fakert.text, named);
    }
}

// It says to init that it does not take over, and why.
static void expect_not_taken(enum status why) {
    assert_int_equal(fakert_run(sbi_server_main), FAKERT_REFUSED);
    assert_int_equal(fakert.refused, why);
    assert_int_equal(fakert.version, FIRMWARE_STATE_VERSION);
    assert_int_equal(fakert.answered, 0);
}

static void test_numbers_of_vcpus(void **state) {
    (void)state;
    const uint64_t bad[] = {0, 49, UINT64_MAX};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        entry("vcpus-0")->address = bad[i];
        expect_refused("vcpus-0");
    }
    // 48 in all VMs together.
    entry("vcpus-0")->address = 48;
    expect_refused("vcpus");
    entry("vcpus-0")->address = 47;
    assert_int_equal(fakert_run(sbi_server_main), FAKERT_WAITING);
    world_begin(NULL);
    fakert_entry("vcpus-0", CONFIG_NUMBER)->address = 1;
    expect_refused("vcpus-0");
}

static void test_rings(void **state) {
    (void)state;
    world->out[1].magic = 0;
    expect_refused("console-out-7");
    world_begin(NULL);
    entry("console-in-0")->size = 100;
    expect_refused("console-in-0");
    world_begin(NULL);
    entry("console-in-0")->address = 0;
    expect_refused("console-in-0");
}

static void test_ranges_of_ram(void **state) {
    (void)state;
    entry("guest-ram-0")->guest = UINT64_MAX - 100;
    expect_refused("guest-ram-0");
    world_begin(NULL);
    entry("guest-ram-0")->size = 0;
    expect_refused("guest-ram-0");
    world_begin(NULL);
    for (unsigned i = 0; i < FIRMWARE_RANGES; i++) {
        *fakert_entry("guest-ram-0", CONFIG_WINDOW) = *entry("guest-ram-0");
    }
    expect_refused("guest-ram-0");
}

static void test_numbers_of_vms(void **state) {
    (void)state;
    // Four, with any numbers.
    fakert_entry("vcpus-255", CONFIG_NUMBER)->address = 1;
    fakert_entry("vcpus-100", CONFIG_NUMBER)->address = 1;
    assert_int_equal(fakert_run(sbi_server_main), FAKERT_WAITING);
    fakert_entry("guest-ram-8", CONFIG_WINDOW);
    expect_refused("guest-ram-8");
}

static void test_the_state_must_be_there(void **state) {
    (void)state;
    strcpy(entry("state")->name, "estate");
    expect_refused("state");
    world_begin(NULL);
    entry("state")->size = 2000;
    expect_not_taken(STATUS_NO_MEMORY);
}

static void test_others_state_is_refused_and_left_alone(void **state) {
    (void)state;
    static uint8_t before[4096];
    assert_int_equal(fakert_run(sbi_server_main), FAKERT_WAITING);
    struct state_header *header = (struct state_header *)(void *)world->state;
    header->version = FIRMWARE_STATE_VERSION + 1;
    memcpy(before, world->state, sizeof(before));
    expect_not_taken(STATUS_UNSUPPORTED);
    assert_memory_equal(before, world->state, sizeof(before));
    header->version = FIRMWARE_STATE_VERSION;
    strcpy(header->owner, "npf-pager");
    expect_not_taken(STATUS_CORRUPT);
}

// Rings that were in use when the state began go on from where they are.
static void test_state_begins_at_the_rings_counters(void **state) {
    (void)state;
    world->out[0].head = 500;
    world->out[0].tail = 400;
    world->in.head = 300;
    world->in.tail = 200;
    world->in.data[200] = 'q';
    world_expect(world_call(2, 0, 0, 9, 0), 'q', 9);
    world_expect(world_call(1, 0, 'p', 9, 0), 0, 9);
    assert_int_equal(world->out[0].head, 501);
    assert_int_equal(world->out[0].data[500], 'p');
    assert_int_equal(world->in.tail, 201);
}

static void test_init_that_cannot_be_called_ends_the_server(void **state) {
    (void)state;
    struct message record = world_record(0, 0, 8, 0, 0, 0, 0);
    fakert_send(&record);
    fakert.call_status = STATUS_NO_CAP;
    expect_refused("init");
    assert_int_equal(fakert.answered, 0);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(numbers_of_vcpus),
        TEST(rings),
        TEST(ranges_of_ram),
        TEST(numbers_of_vms),
        TEST(the_state_must_be_there),
        TEST(others_state_is_refused_and_left_alone),
        TEST(state_begins_at_the_rings_counters),
        TEST(init_that_cannot_be_called_ends_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
