// Whatever programs do with their memory in whatever order, they see what a simple model says they
// must, the tables fit together after every step, and at the end every page is free again: with
// memory enough, and with so little that any step may fail, which must then have changed nothing.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest/gkernel/page.h"
#include "guest/gkernel/user_memory.h"
#include "tests/unit/guest/gkernel_memory.h"
#include "tests/unit/guest/gkernel_model.h"

#define RW (MMU_READ | MMU_WRITE)
#define RX (MMU_READ | MMU_EXECUTE)

#define SEQUENCES 60u
#define STEPS 400
#define RANGE_MAX 6 // pages

static struct space *spaces[MODEL_SPACES];
static uint8_t file[3 * PAGE_SIZE];

static bool tight; // memory may run out
static unsigned succeeded, ran_out;

static uint32_t seed;

static unsigned random_below(unsigned limit) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % limit;
}

// Counts, and says whether the step happened. Only a lack of memory may keep it from that.
static bool happened(bool done) {
    assert_true(done || tight);
    if (done)
        succeeded++;
    else
        ran_out++;
    return done;
}

struct range {
    unsigned first, end; // pages
};

static struct range random_range(void) {
    const unsigned first = random_below(MODEL_PAGES);
    const unsigned rest = MODEL_PAGES - first;
    return (struct range){first, first + 1 + random_below(rest < RANGE_MAX ? rest : RANGE_MAX)};
}

static unsigned random_rights(void) {
    static const uint8_t rights[] = {0,  MMU_READ, MMU_WRITE,   RW,
                                     RW, RX,       MMU_EXECUTE, RW | MMU_EXECUTE};
    return rights[random_below(sizeof(rights))];
}

static struct space_region random_region(void) {
    const struct range range = random_range();
    struct space_region region = memory_region(model_start(range.first), model_start(range.end),
                                               random_rights(), SPACE_MAPPED);
    const unsigned what = random_below(8);
    if (what == 0) {
        region.kind = SPACE_GUARD;
        region.rights = 0;
    } else if (what <= 2) {
        region.shared = true;
    } else if (what <= 4) {
        region.kind = SPACE_IMAGE;
        region.data = file + random_below(100);
        region.data_start = region.start + random_below(PAGE_SIZE);
        region.data_size = 1 + random_below(PAGE_SIZE);
        if (region.data_size > region.end - region.data_start)
            region.data_size = region.end - region.data_start;
    }
    return region;
}

static void add(unsigned s) {
    const struct space_region region = random_region();
    const int expected = model_expects_add(&model[s], &region);
    const int result = region_add(spaces[s], &region);
    if (expected == 0 && !happened(result != -ENOMEM))
        return;
    assert_int_equal(result, expected);
    if (expected == 0)
        model_add(&model[s], &region);
}

static void take_away(unsigned s) {
    const struct range range = random_range();
    assert_int_equal(region_remove(spaces[s], model_start(range.first), model_start(range.end)), 0);
    model_remove(&model[s], range.first, range.end);
}

static void protect(unsigned s) {
    const struct range range = random_range();
    const unsigned rights = random_rights();
    const int expected = model_expects_protect(&model[s], range.first, range.end, rights);
    assert_int_equal(
        region_protect(spaces[s], model_start(range.first), model_start(range.end), rights),
        expected);
    if (expected == 0)
        model_protect(&model[s], range.first, range.end, rights);
}

static void touch(unsigned s) {
    static const uint8_t kinds[] = {MMU_READ, MMU_WRITE, MMU_WRITE, MMU_EXECUTE};
    const unsigned access = kinds[random_below(sizeof(kinds))];
    unsigned p = random_below(MODEL_PAGES);
    // More of those that work.
    for (unsigned i = 0; i < 8 && model_expects(&model[s].page[p], access) != SPACE_DONE; i++)
        p = random_below(MODEL_PAGES);
    uint8_t *byte = model_byte(&model[s].page[p]);
    const enum space_answer expected = model_expects(&model[s].page[p], access);
    uint8_t *at;
    const enum space_answer answer = memory_access(spaces[s], model_address(p), access, &at);
    if (expected == SPACE_DONE && !happened(answer != SPACE_NO_MEMORY))
        return;
    assert_int_equal(answer, expected);
    if (expected != SPACE_DONE)
        return;
    assert_int_equal(*at, *byte);
    if (access == MMU_WRITE)
        *at = *byte = (uint8_t)random_below(256);
}

// The kernel reads for the program, over a few pages, or writes one byte.
static void user_copy(unsigned s) {
    static uint8_t buffer[RANGE_MAX * PAGE_SIZE];
    const struct range range = random_range();
    struct model_page *page = model[s].page;
    const uint64_t from = model_address(range.first), to = model_address(range.end - 1) + 1;
    bool expected = true;
    for (unsigned p = range.first; p < range.end; p++)
        expected = expected && model_expects(&page[p], MMU_READ) == SPACE_DONE;
    const bool done = user_read(spaces[s], buffer, from, to - from);
    assert_false(done && !expected);
    if (expected && happened(done)) {
        for (unsigned p = range.first; p < range.end; p++)
            assert_int_equal(buffer[model_address(p) - from], *model_byte(&page[p]));
    }
    const uint8_t byte = (uint8_t)random_below(256);
    const bool written = user_write(spaces[s], from, &byte, 1);
    if (model_expects(&page[range.first], MMU_WRITE) != SPACE_DONE)
        assert_false(written);
    else if (happened(written))
        *model_byte(&page[range.first]) = byte;
}

static void fork_into(unsigned s, unsigned child) {
    if (spaces[child] != NULL)
        return;
    spaces[child] = space_fork(spaces[s]);
    if (happened(spaces[child] != NULL))
        model[child] = model[s];
}

static void release(unsigned s) {
    space_release(spaces[s]);
    spaces[s] = NULL;
    model[s].exists = false;
}

static void step(void) {
    const unsigned picked = random_below(MODEL_SPACES);
    const unsigned s = spaces[picked] != NULL ? picked : 0;
    const unsigned what = random_below(20);
    if (what < 10)
        touch(s);
    else if (what < 14)
        add(s);
    else if (what < 15)
        take_away(s);
    else if (what < 16)
        protect(s);
    else if (what < 18)
        user_copy(s);
    else if (what < 19)
        fork_into(s, random_below(MODEL_SPACES));
    else if (s != 0 && random_below(3) == 0)
        release(s);
}

static void compare_all(void) {
    for (unsigned s = 0; s < MODEL_SPACES; s++) {
        for (unsigned p = 0; p < MODEL_PAGES && spaces[s] != NULL; p++) {
            struct model_page *page = &model[s].page[p];
            if (model_expects(page, MMU_READ) == SPACE_DONE)
                assert_int_equal(memory_load(spaces[s], model_address(p)), *model_byte(page));
        }
    }
}

static void run_sequence(uint64_t pages_left) {
    spaces[0] = space_create();
    assert_non_null(spaces[0]);
    model[0] = (struct model){.exists = true};
    memory_drain(pages_left);
    for (unsigned i = 0; i < STEPS; i++) {
        step();
        memory_check(spaces, MODEL_SPACES);
    }
    memory_refill();
    compare_all();
    memory_check(spaces, MODEL_SPACES);
    for (unsigned s = 0; s < MODEL_SPACES; s++) {
        if (spaces[s] != NULL)
            release(s);
    }
    memory_check(NULL, 0);
}

static void run(bool with_little_memory) {
    tight = with_little_memory;
    succeeded = ran_out = 0;
    for (unsigned i = 0; i < sizeof(file); i++)
        file[i] = (uint8_t)(i * 7 + 3);
    for (unsigned sequence = 1; sequence <= SEQUENCES; sequence++) {
        seed = sequence * 2654435761u;
        run_sequence(tight ? 6 + sequence % 30 : UINT64_MAX);
    }
    // It is no test when nothing happens.
    assert_true(succeeded > 5000);
    assert_true(tight ? ran_out > 300 : ran_out == 0);
}

static void test_with_memory_enough(void **state) {
    (void)state;
    run(false);
}

static void test_with_too_little_memory(void **state) {
    (void)state;
    run(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_memory_enough),
        cmocka_unit_test(test_with_too_little_memory),
    };
    return cmocka_run_group_tests(tests, memory_boot, NULL);
}
