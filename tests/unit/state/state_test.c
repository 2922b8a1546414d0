// A state region is one whole state at every instruction: while it is changed, while it is
// migrated, and however it was damaged.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libs/state/state.h"
#include "tests/unit/fakert/step.h"

#define REGION 4096

struct one {
    uint64_t a, b, c;
};

static const struct one first = {1, 2, 3};

static const struct state_layout layout = {
    .owner = "tester",
    .version = 1,
    .size = sizeof(struct one),
    .initial = &first,
};

// Version 2 of the same server: one more word, and `b` twice as large.
struct two {
    uint64_t a, b, c, d, e[100];
};

static enum status migrate(uint32_t version, const void *from, uint32_t size, void *to) {
    const struct one *one = from;
    struct two *two = to;
    if (version != 1 || size != sizeof(*one)) {
        return STATUS_UNSUPPORTED;
    }
    *two = (struct two){.a = one->a, .b = 2 * one->b, .c = one->c, .d = 4};
    return STATUS_OK;
}

static const struct state_layout layout_two = {
    .owner = "tester",
    .version = 2,
    .size = sizeof(struct two),
    .migrate = migrate,
};

static _Alignas(8) uint8_t region[REGION];

static int begin(void **unused) {
    (void)unused;
    memset(region, 0, sizeof(region));
    return 0;
}

static const struct one *open_one(struct state *state, void *at) {
    assert_int_equal(state_open(state, at, REGION, &layout), STATUS_OK);
    return state_current(state);
}

static void expect_one(const struct one *one, uint64_t a, uint64_t b, uint64_t c) {
    assert_int_equal(one->a, a);
    assert_int_equal(one->b, b);
    assert_int_equal(one->c, c);
}

static void test_begins_with_the_initial_contents(void **unused) {
    (void)unused;
    struct state state;
    expect_one(open_one(&state, region), 1, 2, 3);
    assert_true(state.fresh);
    expect_one(open_one(&state, region), 1, 2, 3);
    assert_false(state.fresh);
    const struct state_header *header = (const void *)region;
    assert_int_equal(header->magic, STATE_MAGIC);
    assert_int_equal(header->version, 1);
    assert_int_equal(header->slot_size, sizeof(struct one));
    assert_string_equal(header->owner, "tester");
}

static void test_begins_with_zeros_without_initial_contents(void **unused) {
    (void)unused;
    struct state_layout bare = layout;
    struct state state;
    bare.initial = NULL;
    memset(region + STATE_SLOTS_AT, 0xee, sizeof(struct one));
    assert_int_equal(state_open(&state, region, REGION, &bare), STATUS_OK);
    expect_one(state_current(&state), 0, 0, 0);
}

static void test_shows_a_change_only_when_it_is_committed(void **unused) {
    (void)unused;
    struct state state;
    const struct one *one = open_one(&state, region);
    state_set(&state, &one->a, 10);
    state_set(&state, &one->c, 30);
    expect_one(state_current(&state), 1, 2, 3);
    state_commit(&state);
    expect_one(state_current(&state), 10, 2, 30);
    one = state_current(&state);
    state_set(&state, &one->b, 20);
    state_commit(&state);
    expect_one(state_current(&state), 10, 20, 30);
    expect_one(open_one(&state, region), 10, 20, 30);
}

static void test_forgets_a_change_that_was_not_committed(void **unused) {
    (void)unused;
    struct state state;
    const struct one *one = open_one(&state, region);
    state_set(&state, &one->a, 10);
    one = open_one(&state, region);
    expect_one(one, 1, 2, 3);
    state_set(&state, &one->b, 20);
    state_commit(&state);
    expect_one(state_current(&state), 1, 20, 3);
}

static void test_takes_changes_of_any_number(void **unused) {
    (void)unused;
    struct state state;
    assert_int_equal(state_open(&state, region, REGION, &layout_two), STATUS_OK);
    for (unsigned count = 1; count < 100; count++) {
        const struct two *two = state_current(&state);
        for (unsigned i = 0; i < count; i++) {
            state_set(&state, &two->e[i], count + i);
        }
        state_commit(&state);
        two = state_current(&state);
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(two->e[i], count + i);
        }
        assert_memory_equal(state.spare, two, sizeof(*two));
    }
}

static void expect_refused(enum status expected, const struct state_layout *by) {
    static uint8_t before[REGION];
    struct state state;
    memcpy(before, region, REGION);
    assert_int_equal(state_open(&state, region, REGION, by), expected);
    assert_memory_equal(before, region, REGION);
}

static void test_refuses_what_it_does_not_understand(void **unused) {
    (void)unused;
    struct state_header *header = (void *)region;
    struct state state;
    struct state_layout other = layout;
    open_one(&state, region);

    other.owner = "another";
    expect_refused(STATUS_CORRUPT, &other);
    header->version = 2;
    expect_refused(STATUS_UNSUPPORTED, &layout);
    header->version = 1;
    header->magic ^= 1;
    expect_refused(STATUS_CORRUPT, &layout);
    header->magic ^= 1;
    header->active = 2;
    expect_refused(STATUS_CORRUPT, &layout);
    header->active = 0;
    header->slot_size = sizeof(struct one) + 8;
    expect_refused(STATUS_CORRUPT, &layout);
    header->slot_size = UINT32_MAX - 7;
    expect_refused(STATUS_CORRUPT, &layout_two);
    header->slot_size = sizeof(struct one);
    const uint64_t places[] = {1, 8, 64, REGION - 8, REGION, REGION + 8, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        header->moved = places[i];
        expect_refused(STATUS_CORRUPT, &layout);
        expect_refused(STATUS_CORRUPT, &layout_two);
    }
    header->moved = 0;
    expect_one(open_one(&state, region), 1, 2, 3);
}

static void test_refuses_an_older_version_it_cannot_migrate(void **unused) {
    (void)unused;
    struct state state;
    struct state_layout cannot = layout_two;
    cannot.migrate = NULL;
    open_one(&state, region);
    expect_refused(STATUS_UNSUPPORTED, &cannot);
    expect_one(open_one(&state, region), 1, 2, 3);
}

static void test_refuses_a_region_that_is_too_small(void **unused) {
    (void)unused;
    struct state state;
    const size_t enough = STATE_SLOTS_AT + 2 * sizeof(struct one);
    for (size_t size = 0; size < enough; size++) {
        assert_int_equal(state_open(&state, region, size, &layout), STATUS_NO_MEMORY);
    }
    assert_int_equal(state_open(&state, region, enough, &layout), STATUS_OK);
    // Room for two slots of the new version, not for the image that stands beside the old ones.
    const size_t two = STATE_SLOTS_AT + 2 * sizeof(struct two);
    const size_t image = STATE_SLOTS_AT + sizeof(struct two) + STATE_SLOTS_AT + sizeof(struct two);
    for (size_t size = two; size < image; size += 8) {
        assert_int_equal(state_open(&state, region, size, &layout_two), STATUS_NO_MEMORY);
    }
    assert_int_equal(state_open(&state, region, image, &layout_two), STATUS_OK);
}

static void expect_two(const struct state *state, uint64_t a, uint64_t b, uint64_t c) {
    const struct two *two = state_current(state);
    assert_int_equal(two->a, a);
    assert_int_equal(two->b, 2 * b);
    assert_int_equal(two->c, c);
    assert_int_equal(two->d, 4);
    assert_int_equal(two->e[99], 0);
}

static void test_migrates_an_older_version(void **unused) {
    (void)unused;
    // From either slot.
    for (unsigned commits = 0; commits < 2; commits++) {
        struct state state;
        begin(NULL);
        const struct one *one = open_one(&state, region);
        for (unsigned i = 0; i < commits; i++) {
            state_set(&state, &one->b, 7);
            state_commit(&state);
        }
        assert_int_equal(state_open(&state, region, REGION, &layout_two), STATUS_OK);
        assert_false(state.fresh);
        expect_two(&state, 1, commits ? 7 : 2, 3);
        assert_int_equal(state_open(&state, region, REGION, &layout_two), STATUS_OK);
        expect_two(&state, 1, commits ? 7 : 2, 3);
        expect_refused(STATUS_UNSUPPORTED, &layout);
    }
}

static void change(void *argument) {
    struct state *state = argument;
    const struct one *one = state_current(state);
    state_set(state, &one->a, 10);
    state_set(state, &one->b, 20);
    state_set(state, &one->c, 30);
    state_commit(state);
}

static void test_is_whole_whenever_a_change_is_cut_short(void **unused) {
    (void)unused;
    uint8_t *shared = step_memory(REGION);
    struct state state;
    struct step_images images;
    open_one(&state, shared);
    if (!step_run(change, &state, shared, REGION, &images)) {
        skip();
    }
    bool changed = false;
    for (unsigned i = 0; i < images.count; i++) {
        struct state successor;
        memcpy(shared, images.image[i], REGION);
        const struct one *one = open_one(&successor, shared);
        // From one image on it is the new one, and never the old one again.
        changed = changed || one->a != 1;
        changed ? expect_one(one, 10, 20, 30) : expect_one(one, 1, 2, 3);
    }
    assert_true(changed);
    assert_true(images.count > 5);
    step_free(&images);
}

static void open_two(void *region_) {
    struct state state;
    enum status status = state_open(&state, region_, REGION, &layout_two);
    (void)status; // seen by what the region holds afterwards
}

static void test_is_whole_whenever_a_migration_is_cut_short(void **unused) {
    (void)unused;
    uint8_t *shared = step_memory(REGION);
    struct state state;
    struct step_images images;
    open_one(&state, shared);
    if (!step_run(open_two, shared, shared, REGION, &images)) {
        skip();
    }
    bool migrated = false;
    for (unsigned i = 0; i < images.count; i++) {
        // The old version reads its own state, or refuses; never anything else.
        memcpy(shared, images.image[i], REGION);
        enum status status = state_open(&state, shared, REGION, &layout);
        if (status == STATUS_OK) {
            assert_false(migrated);
            expect_one(state_current(&state), 1, 2, 3);
        } else {
            assert_int_equal(status, STATUS_UNSUPPORTED);
            migrated = true;
        }
        // The new version goes on from wherever it was.
        memcpy(shared, images.image[i], REGION);
        assert_int_equal(state_open(&state, shared, REGION, &layout_two), STATUS_OK);
        expect_two(&state, 1, 2, 3);
    }
    assert_true(migrated);
    step_free(&images);
}

static void open_fresh(void *region_) {
    struct state state;
    enum status status = state_open(&state, region_, REGION, &layout);
    (void)status;
}

static void test_is_whole_whenever_its_beginning_is_cut_short(void **unused) {
    (void)unused;
    uint8_t *shared = step_memory(REGION);
    struct state state;
    struct step_images images;
    if (!step_run(open_fresh, shared, shared, REGION, &images)) {
        skip();
    }
    for (unsigned i = 0; i < images.count; i++) {
        memcpy(shared, images.image[i], REGION);
        expect_one(open_one(&state, shared), 1, 2, 3);
    }
    step_free(&images);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_begins_with_the_initial_contents, begin),
        cmocka_unit_test_setup(test_begins_with_zeros_without_initial_contents, begin),
        cmocka_unit_test_setup(test_shows_a_change_only_when_it_is_committed, begin),
        cmocka_unit_test_setup(test_forgets_a_change_that_was_not_committed, begin),
        cmocka_unit_test_setup(test_takes_changes_of_any_number, begin),
        cmocka_unit_test_setup(test_refuses_what_it_does_not_understand, begin),
        cmocka_unit_test_setup(test_refuses_an_older_version_it_cannot_migrate, begin),
        cmocka_unit_test_setup(test_refuses_a_region_that_is_too_small, begin),
        cmocka_unit_test_setup(test_migrates_an_older_version, begin),
        cmocka_unit_test_setup(test_is_whole_whenever_a_change_is_cut_short, begin),
        cmocka_unit_test_setup(test_is_whole_whenever_a_migration_is_cut_short, begin),
        cmocka_unit_test_setup(test_is_whole_whenever_its_beginning_is_cut_short, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
