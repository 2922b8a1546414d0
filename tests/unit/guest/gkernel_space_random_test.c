// Whatever programs do with their memory in whatever order, they see what a simple model says they
// must, the tables fit together after every step, and at the end every page is free again: with
// memory enough, and with so little that any step may fail, which must then have changed nothing.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guest/gkernel/page.h"
#include "guest/gkernel/user_memory.h"
#include "tests/unit/guest/gkernel_memory.h"

#define SPACES 4
#define PAGES 24
#define SEQUENCES 60
#define STEPS 400
// In the middle of it another table begins.
#define BASE (UINT64_C(0x400000) - PAGES / 2 * PAGE_SIZE)
#define CELLS (SPACES * PAGES + PAGES)

#define FILE_SIZE (3 * PAGE_SIZE)
static uint8_t file[FILE_SIZE];

// One byte of each page is looked at, another one in each.
static uint64_t address_of(unsigned page) {
    return BASE + page * PAGE_SIZE + page * 1009 % PAGE_SIZE;
}

// What a page is to a space: its byte if it is private, or which of the shared memory's bytes.
struct model_page {
    bool there, shared;
    uint8_t rights, kind;
    uint8_t byte;
    unsigned cell;
};
struct model {
    struct model_page page[PAGES];
};

static struct space *space[SPACES];
static struct model model[SPACES];
static uint8_t cell[CELLS];

static bool tight; // memory may run out
static unsigned succeeded, ran_out;

static uint32_t seed;

static unsigned random_below(unsigned limit) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % limit;
}

static uint8_t *byte_of(struct model_page *page) {
    return page->shared ? &cell[page->cell] : &page->byte;
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

static unsigned unused_cell(void) {
    for (unsigned i = 0; i < CELLS; i++) {
        bool used = false;
        for (unsigned s = 0; s < SPACES; s++) {
            for (unsigned p = 0; p < PAGES; p++) {
                const struct model_page *page = &model[s].page[p];
                used |= space[s] != NULL && page->there && page->shared && page->cell == i;
            }
        }
        if (!used)
            return i;
    }
    fail();
    return 0;
}

struct range {
    unsigned first, end; // pages
};

static struct range random_range(void) {
    const unsigned first = random_below(PAGES);
    const unsigned rest = PAGES - first;
    return (struct range){first, first + 1 + random_below(rest < 6 ? rest : 6)};
}

static uint64_t start_of(unsigned page) { return BASE + page * PAGE_SIZE; }

#define RW (MMU_READ | MMU_WRITE)
#define RX (MMU_READ | MMU_EXECUTE)

static unsigned random_rights(void) {
    static const uint8_t rights[] = {0,  MMU_READ, MMU_WRITE,   RW,
                                     RW, RX,       MMU_EXECUTE, RW | MMU_EXECUTE};
    return rights[random_below(sizeof(rights))];
}

static bool is_allowed(unsigned rights, bool shared) {
    return !(rights & MMU_EXECUTE) || (!(rights & MMU_WRITE) && !shared);
}

static struct space_region random_region(struct range range) {
    struct space_region region =
        memory_region(start_of(range.first), start_of(range.end), random_rights(), SPACE_MAPPED);
    const unsigned what = random_below(8);
    if (what == 0) {
        region.kind = SPACE_GUARD;
        region.rights = 0;
    } else if (what <= 2) {
        region.shared = true;
    } else if (what <= 4) {
        region.kind = SPACE_IMAGE;
        const uint64_t at = random_below(PAGE_SIZE);
        region.data = file + random_below(100);
        region.data_start = region.start + at;
        region.data_size = 1 + random_below(PAGE_SIZE);
        if (region.data_size > region.end - region.data_start)
            region.data_size = region.end - region.data_start;
    }
    return region;
}

static void add(unsigned s) {
    const struct range range = random_range();
    const struct space_region region = random_region(range);
    int expected = is_allowed(region.rights, region.shared) ? 0 : -EACCES;
    for (unsigned p = range.first; p < range.end && expected == 0; p++)
        expected = model[s].page[p].there ? -EEXIST : 0;
    const int result = region_add(space[s], &region);
    if (expected != 0) {
        assert_int_equal(result, expected);
        return;
    }
    if (!happened(result != -ENOMEM))
        return;
    assert_int_equal(result, 0);
    for (unsigned p = range.first; p < range.end; p++) {
        struct model_page *page = &model[s].page[p];
        const uint64_t at = address_of(p);
        *page = (struct model_page){.there = true, .shared = region.shared, .kind = region.kind};
        page->rights = region.rights | (region.rights & MMU_WRITE ? MMU_READ : 0);
        if (region.shared) {
            page->shared = false; // so that it does not find itself
            page->cell = unused_cell();
            page->shared = true;
        }
        const bool in_data = region.data_size > 0 && at >= region.data_start &&
                             at - region.data_start < region.data_size;
        *byte_of(page) = in_data ? region.data[at - region.data_start] : 0;
    }
}

static void take_away(unsigned s) {
    const struct range range = random_range();
    assert_int_equal(region_remove(space[s], start_of(range.first), start_of(range.end)), 0);
    for (unsigned p = range.first; p < range.end; p++) {
        if (model[s].page[p].kind != SPACE_GUARD)
            model[s].page[p] = (struct model_page){.there = false};
    }
}

static void protect(unsigned s) {
    const struct range range = random_range();
    unsigned rights = random_rights();
    if (rights & MMU_WRITE)
        rights |= MMU_READ;
    int expected = 0;
    for (unsigned p = range.first; p < range.end && expected == 0; p++) {
        const struct model_page *page = &model[s].page[p];
        if (!page->there || page->kind == SPACE_GUARD)
            expected = -ENOMEM;
        else if (!is_allowed(rights, page->shared))
            expected = -EACCES;
    }
    assert_int_equal(region_protect(space[s], start_of(range.first), start_of(range.end), rights),
                     expected);
    for (unsigned p = range.first; p < range.end && expected == 0; p++)
        model[s].page[p].rights = (uint8_t)rights;
}

static enum space_answer expected_answer(const struct model_page *page, unsigned access) {
    if (!page->there)
        return SPACE_NOTHING_THERE;
    if (page->kind == SPACE_GUARD)
        return SPACE_STACK_OVERFLOW;
    return page->rights & access ? SPACE_DONE : SPACE_NO_RIGHT;
}

static void touch(unsigned s) {
    static const uint8_t kinds[] = {MMU_READ, MMU_WRITE, MMU_WRITE, MMU_EXECUTE};
    const unsigned access = kinds[random_below(sizeof(kinds))];
    unsigned p = random_below(PAGES);
    // More of those that work.
    for (unsigned i = 0; i < 8 && expected_answer(&model[s].page[p], access) != SPACE_DONE; i++)
        p = random_below(PAGES);
    struct model_page *page = &model[s].page[p];
    const enum space_answer expected = expected_answer(page, access);
    uint8_t *at;
    const enum space_answer answer = memory_access(space[s], address_of(p), access, &at);
    if (expected != SPACE_DONE) {
        assert_int_equal(answer, expected);
        return;
    }
    if (!happened(answer != SPACE_NO_MEMORY))
        return;
    assert_int_equal(answer, SPACE_DONE);
    assert_int_equal(*at, *byte_of(page));
    if (access == MMU_WRITE)
        *at = *byte_of(page) = (uint8_t)random_below(256);
}

// The kernel reads for the program, over a few pages, or writes one byte.
static void user_copy(unsigned s) {
    static uint8_t buffer[6 * PAGE_SIZE];
    const struct range range = random_range();
    const uint64_t from = address_of(range.first), to = address_of(range.end - 1) + 1;
    bool expected = true;
    for (unsigned p = range.first; p < range.end; p++)
        expected = expected && expected_answer(&model[s].page[p], MMU_READ) == SPACE_DONE;
    const bool done = user_read(space[s], buffer, from, to - from);
    assert_false(done && !expected);
    if (expected && happened(done)) {
        for (unsigned p = range.first; p < range.end; p++)
            assert_int_equal(buffer[address_of(p) - from], *byte_of(&model[s].page[p]));
    }
    struct model_page *page = &model[s].page[range.first];
    const uint8_t byte = (uint8_t)random_below(256);
    const bool written = user_write(space[s], from, &byte, 1);
    if (expected_answer(page, MMU_WRITE) != SPACE_DONE)
        assert_false(written);
    else if (happened(written))
        *byte_of(page) = byte;
}

static void fork_into(unsigned s, unsigned child) {
    if (space[child] != NULL)
        return;
    space[child] = space_fork(space[s]);
    if (happened(space[child] != NULL))
        model[child] = model[s];
}

static void release(unsigned s) {
    space_release(space[s]);
    space[s] = NULL;
}

static void step(void) {
    const unsigned picked = random_below(SPACES);
    const unsigned s = space[picked] != NULL ? picked : 0;
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
        fork_into(s, random_below(SPACES));
    else if (s != 0 && random_below(3) == 0)
        release(s);
}

static void compare_all(void) {
    for (unsigned s = 0; s < SPACES; s++) {
        for (unsigned p = 0; p < PAGES && space[s] != NULL; p++) {
            if (expected_answer(&model[s].page[p], MMU_READ) == SPACE_DONE)
                assert_int_equal(memory_load(space[s], address_of(p)), *byte_of(&model[s].page[p]));
        }
    }
}

static void run(bool with_little_memory) {
    tight = with_little_memory;
    succeeded = ran_out = 0;
    for (unsigned i = 0; i < sizeof(file); i++)
        file[i] = (uint8_t)(i * 7 + 3);
    for (unsigned sequence = 1; sequence <= SEQUENCES; sequence++) {
        seed = sequence * 2654435761u;
        space[0] = space_create();
        assert_non_null(space[0]);
        model[0] = (struct model){0};
        if (tight)
            memory_drain(6 + sequence % 30);
        for (unsigned i = 0; i < STEPS; i++) {
            step();
            memory_check(space, SPACES);
        }
        memory_refill();
        compare_all();
        memory_check(space, SPACES);
        for (unsigned s = 0; s < SPACES; s++) {
            if (space[s] != NULL)
                release(s);
        }
        memory_check(space, SPACES);
    }
    assert_true(succeeded > 5000);
    assert_int_equal(ran_out > 300, tight);
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
