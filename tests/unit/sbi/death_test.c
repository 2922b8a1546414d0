// A server may die at any instruction of a call: the next one gets the same record, and the guest
// and the world outside see what they would have seen.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sbi/dying.h"

#define DBCN 0x4442434e
#define HSM 0x48534d

static void test_writing_a_buffer(void **state) {
    (void)state;
    world->out[0].head = world->out[0].tail = RING_BYTES - 7; // it goes round
    struct message record = world_record(0, 0, DBCN, 0, 26, WORLD_RAM, 0);
    dying_everywhere(&record);
    assert_int_equal(world->out[0].head, RING_BYTES - 7 + 26);
}

static void test_writing_behind_other_calls(void **state) {
    (void)state;
    world_call(DBCN, 0, 100, WORLD_RAM, 0);
    world_call(DBCN, 2, 'x', 0, 0);
    struct message record = world_record(0, 0, DBCN, 0, 10, WORLD_RAM, 0);
    dying_everywhere(&record);
    assert_int_equal(world->out[0].head, 111);
}

static void test_writing_a_byte(void **state) {
    (void)state;
    struct message record = world_record(0, 0, DBCN, 2, 'x', 0, 0);
    dying_everywhere(&record);
    assert_string_equal(world_output(0), "x");
}

static void test_legacy_putchar(void **state) {
    (void)state;
    struct message record = world_record(WORLD_OTHER, 0, 1, 0, 'x', 5, 0);
    dying_everywhere(&record);
    assert_string_equal(world_output(1), "x");
}

static void test_reading_into_a_buffer(void **state) {
    (void)state;
    world_type("hello, world");
    struct message record = world_record(0, 0, DBCN, 1, 5, WORLD_RAM, 0);
    dying_everywhere(&record);
    assert_int_equal(world->in.tail, 5);
    assert_memory_equal(world->ram, "hellofgh", 8);
}

static void test_legacy_getchar(void **state) {
    (void)state;
    world_type("hello");
    struct message record = world_record(0, 0, 2, 0, 0, 5, 0);
    dying_everywhere(&record);
    assert_int_equal(world->in.tail, 1);
}

static void test_starting_a_hart(void **state) {
    (void)state;
    struct message record = world_record(0, 0, HSM, 0, 1, WORLD_RAM, 0x77);
    dying_everywhere(&record);
    struct reply reply = world_serve(&record);
    assert_true(reply.flags & REPLY_START);
    assert_int_equal(reply.word[4], 0x77);
}

static void test_stopping_a_hart(void **state) {
    (void)state;
    world_call(HSM, 0, 1, WORLD_RAM, 0);
    struct message record = world_record(0, 1, HSM, 1, 0, 0, 0);
    dying_everywhere(&record);
    world_expect(world_call(HSM, 2, 1, 0, 0), 0, 1);
}

// Two harts' calls between each other: each has its own last one.
static void test_harts_do_not_disturb_each_other(void **state) {
    (void)state;
    world_call(HSM, 0, 1, WORLD_RAM, 0);
    struct message mine = world_record(0, 0, DBCN, 2, 'm', 0, 0);
    struct message other = world_record(0, 1, DBCN, 2, 'o', 0, 0);
    world_serve(&mine);
    world_serve(&other);
    world_serve(&mine);
    world_serve(&other);
    world_serve(&mine);
    assert_string_equal(world_output(0), "mo");
}

// Bytes that were committed and not published: the next server publishes before it serves anything.
static void test_publishes_what_was_committed(void **state) {
    (void)state;
    struct message record = world_record(0, 0, DBCN, 2, 'x', 0, 0);
    world_serve(&record);
    world->out[0].head = 0;
    fakert_reset();
    world_config();
    assert_int_equal(fakert_run(sbi_server_main), FAKERT_WAITING);
    assert_string_equal(world_output(0), "x");
    assert_int_equal(fakert_count(FAKERT_SIGNAL), 2);
}

// Killed in a call or a signal: nothing of what it was about is lost.
static void test_dying_in_a_request(void **state) {
    (void)state;
    struct message record = world_record(0, 0, DBCN, 0, 5, WORLD_RAM, 0);
    unsigned killed = 0;
    for (enum fakert_end end = FAKERT_KILLED; end == FAKERT_KILLED;) {
        fakert_reset();
        world_config();
        fakert_send(&record);
        fakert.kill_at = ++killed;
        end = fakert_run(sbi_server_main);
    }
    assert_int_equal(killed, 4); // two consoles at the start, one signal behind the write
    world_expect(*fakert_only_answer(), 0, 5);
    assert_string_equal(world_output(0), "abcde");
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(writing_a_buffer),
        TEST(writing_behind_other_calls),
        TEST(writing_a_byte),
        TEST(legacy_putchar),
        TEST(reading_into_a_buffer),
        TEST(legacy_getchar),
        TEST(starting_a_hart),
        TEST(stopping_a_hart),
        TEST(harts_do_not_disturb_each_other),
        TEST(publishes_what_was_committed),
        TEST(dying_in_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
