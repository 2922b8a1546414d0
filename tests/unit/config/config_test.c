// Names of config entries that belong to a VM are told apart from all others.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libs/config/config.h"

static struct config_entry named(const char *name) {
    struct config_entry entry = {0};
    memcpy(entry.name, name, strnlen(name, CONFIG_NAME));
    return entry;
}

static void expect_vm(const char *text, const char *name, uint32_t expected) {
    struct config_entry entry = named(text);
    uint32_t vm = 99;
    assert_true(config_of_vm(&entry, name, 4, &vm, NULL));
    assert_int_equal(vm, expected);
}

static void expect_none(const char *text, const char *name, bool with_rest) {
    struct config_entry entry = named(text);
    uint32_t vm;
    const char *rest;
    assert_false(config_of_vm(&entry, name, 4, &vm, with_rest ? &rest : NULL));
}

static void test_reads_the_number(void **state) {
    (void)state;
    expect_vm("ram-0", "ram", 0);
    expect_vm("ram-3", "ram", 3);
    expect_vm("console-out-1", "console-out", 1);
    expect_vm("ram-02", "ram", 2);
}

static void test_takes_nothing_else(void **state) {
    (void)state;
    const char *const others[] = {"ram",
                                  "ram-",
                                  "ram-4",
                                  "ram-x",
                                  "ram-1x",
                                  "ram-0:",
                                  "ram0",
                                  "rams-0",
                                  "xram-0",
                                  "RAM-0",
                                  "",
                                  "-0",
                                  "ram--1",
                                  "ram-+1",
                                  "ram-4294967296",
                                  "ram-1 ",
                                  "ram-18446744073709551616"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        expect_none(others[i], "ram", false);
    }
    expect_none("device-0", "device", true);
    expect_none("device-:rtc", "device", true);
    expect_none("device-4:rtc", "device", true);
}

static void test_gives_what_follows_the_colon(void **state) {
    (void)state;
    struct config_entry entry = named("device-2:goldfish-rtc");
    uint32_t vm;
    const char *rest;
    assert_true(config_of_vm(&entry, "device", 4, &vm, &rest));
    assert_int_equal(vm, 2);
    assert_string_equal(rest, "goldfish-rtc");
}

static void test_a_name_without_an_end_is_none(void **state) {
    (void)state;
    struct config_entry entry = named("device-0:aaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    uint32_t vm;
    const char *rest;
    assert_int_equal(entry.name[CONFIG_NAME - 1], 'a');
    assert_false(config_of_vm(&entry, "device", 4, &vm, &rest));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_number),
        cmocka_unit_test(test_takes_nothing_else),
        cmocka_unit_test(test_gives_what_follows_the_colon),
        cmocka_unit_test(test_a_name_without_an_end_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
