// A server may die at any instruction of a call: the next one gets the same record, and the guest
// and the world outside see what they would have seen.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sbi/world.h"

#define DBCN 0x4442434e
#define HSM 0x48534d

static struct firmware victim;
static struct message served;

static void serve(void *argument) {
    (void)argument;
    struct reply reply = {0};
    firmware_serve(&victim, &served, &reply);
}

// The server that is going to die, past its beginning.
static void prepare_victim(void) {
    const char *wrong;
    assert_int_equal(firmware_configure(&victim, rt_config, &wrong), STATUS_OK);
    assert_int_equal(firmware_adopt(&victim, world->state, sizeof(world->state)), STATUS_OK);
}

// What others may see is never ahead of the state: it could not be taken back.
static void expect_nothing_ahead(const struct world *now) {
    const struct state_header *header = (const void *)now->state;
    const struct firmware_state *state =
        (const void *)(now->state + STATE_SLOTS_AT + header->active * header->slot_size);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(now->out[i].head <= state->console[i].head);
    }
    assert_true(now->in.tail <= state->console[0].tail);
}

static void expect_same_world(const struct world *a, const struct world *b) {
    for (unsigned i = 0; i < 2; i++) {
        assert_memory_equal(&a->out[i], &b->out[i], sizeof(a->out[i]));
    }
    assert_memory_equal(&a->in, &b->in, sizeof(a->in));
    assert_memory_equal(a->ram, b->ram, sizeof(a->ram));
    // Of the region, what counts: which of the slots it is may differ.
    struct state mine, other;
    const struct state_layout layout = {"sbi-server", FIRMWARE_STATE_VERSION,
                                        sizeof(struct firmware_state), NULL, NULL};
    static _Alignas(8) uint8_t copy[2][sizeof(a->state)];
    memcpy(copy[0], a->state, sizeof(copy[0]));
    memcpy(copy[1], b->state, sizeof(copy[1]));
    assert_int_equal(state_open(&mine, copy[0], sizeof(copy[0]), &layout), STATUS_OK);
    assert_int_equal(state_open(&other, copy[1], sizeof(copy[1]), &layout), STATUS_OK);
    assert_memory_equal(state_current(&mine), state_current(&other), sizeof(struct firmware_state));
}

// The call, cut short behind every change to what outlives the server, and then served by the next;
// which may die as well, so once more.
static void die_everywhere(const struct message *record) {
    static struct world begin, end;
    struct step_images images;
    served = *record;
    prepare_victim();
    begin = *world;
    if (!step_run(serve, NULL, world, sizeof(*world), &images)) {
        skip();
    }
    struct reply undisturbed = world_serve(record);
    end = *world;
    for (unsigned i = 0; i < images.count; i++) {
        memcpy(world, images.image[i], sizeof(*world));
        expect_nothing_ahead(world);
        struct reply reply = world_serve(record);
        assert_memory_equal(&reply, &undisturbed, sizeof(reply));
        expect_same_world(world, &end);
        reply = world_serve(record);
        assert_memory_equal(&reply, &undisturbed, sizeof(reply));
        expect_same_world(world, &end);
    }
    assert_true(images.count > 3);
    assert_memory_equal(images.image[0], &begin, sizeof(begin));
    step_free(&images);
}

static void test_writing_a_buffer(void **state) {
    (void)state;
    world->out[0].head = world->out[0].tail = RING_BYTES - 7; // it goes round
    struct message record = world_record(0, 0, DBCN, 0, 26, WORLD_RAM, 0);
    die_everywhere(&record);
    assert_int_equal(world->out[0].head, RING_BYTES - 7 + 26);
}

static void test_writing_behind_other_calls(void **state) {
    (void)state;
    world_call(DBCN, 0, 100, WORLD_RAM, 0);
    world_call(DBCN, 2, 'x', 0, 0);
    struct message record = world_record(0, 0, DBCN, 0, 10, WORLD_RAM, 0);
    die_everywhere(&record);
    assert_int_equal(world->out[0].head, 111);
}

static void test_writing_a_byte(void **state) {
    (void)state;
    struct message record = world_record(0, 0, DBCN, 2, 'x', 0, 0);
    die_everywhere(&record);
    assert_string_equal(world_output(0), "x");
}

static void test_legacy_putchar(void **state) {
    (void)state;
    struct message record = world_record(WORLD_OTHER, 0, 1, 0, 'x', 5, 0);
    die_everywhere(&record);
    assert_string_equal(world_output(1), "x");
}

static void test_reading_into_a_buffer(void **state) {
    (void)state;
    world_type("hello, world");
    struct message record = world_record(0, 0, DBCN, 1, 5, WORLD_RAM, 0);
    die_everywhere(&record);
    assert_int_equal(world->in.tail, 5);
    assert_memory_equal(world->ram, "hellofgh", 8);
}

static void test_legacy_getchar(void **state) {
    (void)state;
    world_type("hello");
    struct message record = world_record(0, 0, 2, 0, 0, 5, 0);
    die_everywhere(&record);
    assert_int_equal(world->in.tail, 1);
}

static void test_starting_a_hart(void **state) {
    (void)state;
    struct message record = world_record(0, 0, HSM, 0, 1, WORLD_RAM, 0x77);
    die_everywhere(&record);
    struct reply reply = world_serve(&record);
    assert_true(reply.flags & REPLY_START);
    assert_int_equal(reply.word[4], 0x77);
}

static void test_stopping_a_hart(void **state) {
    (void)state;
    world_call(HSM, 0, 1, WORLD_RAM, 0);
    struct message record = world_record(0, 1, HSM, 1, 0, 0, 0);
    die_everywhere(&record);
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
