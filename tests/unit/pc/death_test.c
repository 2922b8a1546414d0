// A server may die at any instruction of a call or of a port access: the next one gets the same
// record, and the guest and the world outside see what they would have seen.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pc/pc.h"
#include "tests/unit/sbi/dying.h"

static void test_a_character_by_call(void **state) {
    (void)state;
    struct message record = pc_call_record(0, 1 | 'c' << 8);
    dying_everywhere(&record);
    assert_string_equal(world_output(0), "c");
}

static void test_a_character_by_port(void **state) {
    (void)state;
    struct message record = pc_port_record(0, 0, 0x3f8, 1, 'p');
    dying_everywhere(&record);
    assert_string_equal(world_output(0), "p");
}

static void test_what_was_typed(void **state) {
    (void)state;
    world_type("xy");
    struct message record = pc_port_record(0, 1, 0x3f8, 1, 0);
    dying_everywhere(&record);
    assert_int_equal(pc_in(0x3f8, 1, 0), 'y');
}

static void test_a_register(void **state) {
    (void)state;
    struct message record = pc_port_record(0, 0, 0x3ff, 1, 0x77);
    dying_everywhere(&record);
    assert_int_equal(pc_in(0x3ff, 1, 0), 0x77);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_character_by_call),
        TEST(a_character_by_port),
        TEST(what_was_typed),
        TEST(a_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
