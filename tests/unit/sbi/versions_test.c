// Two real versions of the server take turns in one world: version 1, servers/sbi-server, and
// version 2, tests/recovery/servers/sbi-server-2, whose state is laid out differently. Here its
// headers and names are version 2's; sbi_server_main is version 1's main.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sbi/world.h"

#define BASE 0x10
#define IMPL_VERSION 2
#define DBCN 0x4442434e
#define HSM 0x48534d

int v2_main(void);

// What each version has for hypercalls: rt_hypercall is renamed to version 2's here.
fakert_hypercall rt_hypercall;
static fakert_hypercall *hypercall_1;

static void be_version(unsigned version) {
    if (!hypercall_1) {
        hypercall_1 = fakert_on_hypercall;
    }
    world_server = version == 1 ? sbi_server_main : v2_main;
    fakert_on_hypercall = version == 1 ? hypercall_1 : rt_hypercall;
}

static int begin(void **state) {
    be_version(1);
    return world_begin(state);
}

// Starts a server of this VERSION, which gets no record.
static enum fakert_end start(unsigned version) {
    fakert_reset();
    world_config();
    be_version(version);
    return fakert_run(world_server);
}

static uint64_t asked_version(void) {
    struct reply reply = world_call(BASE, IMPL_VERSION, 0, 0, 0);
    world_expect(reply, 0, reply.word[1]);
    return reply.word[1];
}

static const void *slot(const uint8_t *region, uint32_t version, size_t size) {
    const struct state_header *header = (const void *)region;
    assert_int_equal(header->magic, STATE_MAGIC);
    assert_int_equal(header->moved, 0);
    assert_int_equal(header->version, version);
    assert_int_equal(header->slot_size, size);
    return region + STATE_SLOTS_AT + header->active * header->slot_size;
}

static const struct firmware_state_1 *old_state(const uint8_t *region) {
    return slot(region, 1, sizeof(struct firmware_state_1));
}

static const struct firmware_state *new_state(const uint8_t *region) {
    return slot(region, 2, sizeof(struct firmware_state));
}

// Something in every part of the state. The last record of each hart is kept.
static struct message last[2];

static void live_a_little(void) {
    world_type("typed");
    world_call(DBCN, 0, 20, WORLD_RAM, 0);
    world_call(HSM, 0, 1, WORLD_RAM, 0x77);
    world_call(DBCN, 1, 3, WORLD_RAM, 0);
    world_call_from(WORLD_OTHER, 0, 1, 0, 'o', 0, 0);
    last[0] = world_record(0, 0, DBCN, 2, 'x', 0, 0);
    last[1] = world_record(0, 1, DBCN, 0, 5, WORLD_RAM, 0);
    world_serve(&last[0]);
    world_serve(&last[1]);
}

// What version 2 makes of OLD.
static void expect_migrated(const struct firmware_state_1 *old, const struct firmware_state *new) {
    assert_int_equal(new->migrated, 1);
    for (unsigned i = 0; i < FIRMWARE_VMS; i++) {
        assert_int_equal(new->console[i].head, old->console[i].head);
        assert_int_equal(new->console[i].tail, old->console[i].tail);
    }
    for (unsigned i = 0; i < FIRMWARE_VCPUS; i++) {
        const struct firmware_vcpu_state *now = &new->vcpu[i];
        assert_int_equal(now->seq, old->vcpu[i].seq);
        assert_int_equal(now->flags, old->vcpu[i].flags);
        assert_int_equal(now->word[0], old->vcpu[i].word[0]);
        assert_int_equal(now->word[1], old->vcpu[i].word[1]);
        assert_int_equal(now->power, old->vcpu[i].power);
        assert_int_equal(now->calls, 0);
    }
}

static void test_each_says_which_it_is(void **state) {
    (void)state;
    assert_int_equal(asked_version(), 1);
    assert_int_equal(fakert.version, 1);
    be_version(2);
    assert_int_equal(asked_version(), 2);
    assert_int_equal(fakert.version, 2);
}

static void test_version_2_takes_everything_over(void **state) {
    (void)state;
    live_a_little();
    struct firmware_state_1 old = *old_state(world->state);
    // Nothing in it is alike by chance.
    assert_int_equal(old.console[0].head, 26);
    assert_int_equal(old.console[0].tail, 3);
    assert_int_equal(old.console[1].head, 1);
    assert_int_equal(old.vcpu[0].seq, 4);
    assert_int_equal(old.vcpu[1].seq, 1);
    assert_int_equal(old.vcpu[1].word[1], 5);
    assert_int_equal(start(2), FAKERT_WAITING);
    expect_migrated(&old, new_state(world->state));
}

// A call that version 1 had answered, but whose answer was lost with it.
static void test_calls_are_not_done_again(void **state) {
    (void)state;
    live_a_little();
    static struct world before;
    be_version(2);
    for (unsigned hart = 0; hart < 2; hart++) {
        before = *world;
        world_expect(world_serve(&last[hart]), 0, hart == 0 ? 0 : 5);
        assert_memory_equal(world->out, before.out, sizeof(before.out));
        assert_memory_equal(&world->in, &before.in, sizeof(before.in));
        assert_memory_equal(world->ram, before.ram, sizeof(before.ram));
        assert_int_equal(new_state(world->state)->vcpu[hart].calls, 0);
    }
}

// A hart's start whose answer was lost: it is started by the same answer, once.
static void test_a_start_is_answered_from_the_state(void **state) {
    (void)state;
    struct message record = world_record(0, 0, HSM, 0, 1, WORLD_RAM, 0x77);
    struct reply first = world_serve(&record);
    be_version(2);
    struct reply again = world_serve(&record);
    assert_memory_equal(&again, &first, sizeof(first));
    assert_true(again.flags & REPLY_START);
    world_expect(world_call(HSM, 2, 1, 0, 0), 0, 0); // started
}

static void test_version_2_counts_its_own_calls(void **state) {
    (void)state;
    live_a_little();
    be_version(2);
    struct message record = world_record(0, 1, DBCN, 2, 'n', 0, 0);
    for (unsigned i = 0; i < 3; i++) {
        world_expect(world_serve(&record), 0, 0);
    }
    world_call(DBCN, 2, 'm', 0, 0);
    world_call(DBCN, 2, 'm', 0, 0);
    world_call(HSM, 2, 1, 0, 0); // without an effect
    const struct firmware_state *now = new_state(world->state);
    assert_int_equal(now->vcpu[0].calls, 2);
    assert_int_equal(now->vcpu[1].calls, 1);
    assert_int_equal(now->console[0].head, 29);
}

static void test_version_1_refuses_a_state_of_version_2(void **state) {
    (void)state;
    live_a_little();
    assert_int_equal(start(2), FAKERT_WAITING);
    static struct world before;
    before = *world;
    assert_int_equal(start(1), FAKERT_REFUSED);
    assert_int_equal(fakert.refused, STATUS_UNSUPPORTED);
    assert_int_equal(fakert.requests, 0);
    assert_memory_equal(world, &before, sizeof(before));
    be_version(2);
    world_expect(world_serve(&last[1]), 0, 5); // which goes on as if nothing had been
}

static void test_version_2_refuses_what_no_version_1_wrote(void **state) {
    (void)state;
    live_a_little();
    static struct world before;
    ((struct state_header *)(void *)world->state)->slot_size -= 8;
    before = *world;
    assert_int_equal(start(2), FAKERT_REFUSED);
    assert_int_equal(fakert.refused, STATUS_CORRUPT);
    assert_memory_equal(world, &before, sizeof(before));
}

static struct firmware victim;

static void take_over(void *argument) {
    (void)argument;
    enum status status = firmware_adopt(&victim, world->state, sizeof(world->state));
    if (status == STATUS_OK) {
        firmware_resume(&victim);
    }
}

static bool same_state(const struct firmware_state_1 *a, const struct firmware_state_1 *b) {
    return memcmp(a, b, sizeof(*a)) == 0;
}

// Dead at any instruction of its taking over, version 2 has left a whole state of version 1, which
// version 1 goes on with, or one of version 2, which version 1 refuses without touching it; and
// always something that another version 2 makes the same of.
static void test_dying_at_every_instruction_of_the_migration(void **state) {
    (void)state;
    live_a_little();
    static struct world begin, image;
    struct step_images images;
    begin = *world;
    struct firmware_state_1 old = *old_state(world->state);
    unsigned by_1 = 0, by_2 = 0;
    const char *wrong;
    fakert_reset();
    world_config();
    assert_int_equal(firmware_configure(&victim, rt_config, &wrong), STATUS_OK);
    if (!step_run(take_over, NULL, world, sizeof(*world), &images)) {
        skip();
    }
    for (unsigned i = 0; i < images.count; i++) {
        memcpy(&image, images.image[i], sizeof(image));
        *world = image;
        enum fakert_end end = start(1);
        if (end == FAKERT_WAITING) {
            by_1++;
            assert_int_equal(by_2, 0); // there is one instruction that decides
            assert_true(same_state(old_state(world->state), &old));
            world_expect(world_serve(&last[1]), 0, 5);
            assert_true(same_state(old_state(world->state), &old));
        } else {
            by_2++;
            assert_int_equal(end, FAKERT_REFUSED);
            assert_int_equal(fakert.refused, STATUS_UNSUPPORTED);
            assert_memory_equal(world, &image, sizeof(image));
        }
        *world = image;
        assert_int_equal(start(2), FAKERT_WAITING);
        expect_migrated(&old, new_state(world->state));
        world_expect(world_serve(&last[1]), 0, 5);
        world_expect(world_serve(&last[0]), 0, 0);
        assert_memory_equal(world->out, begin.out, sizeof(begin.out));
        assert_memory_equal(&world->in, &begin.in, sizeof(begin.in));
        assert_memory_equal(world->ram, begin.ram, sizeof(begin.ram));
    }
    print_message("dead %u times with version 1's state, %u times with version 2's\n", by_1, by_2);
    assert_true(by_1 > 3 && by_2 > 3);
    step_free(&images);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_says_which_it_is),
        TEST(version_2_takes_everything_over),
        TEST(calls_are_not_done_again),
        TEST(a_start_is_answered_from_the_state),
        TEST(version_2_counts_its_own_calls),
        TEST(version_1_refuses_a_state_of_version_2),
        TEST(version_2_refuses_what_no_version_1_wrote),
        TEST(dying_at_every_instruction_of_the_migration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
