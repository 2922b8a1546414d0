#include "tests/unit/guest/gkernel_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/fake/guest/mmu.h"
#include "guest/gkernel/kernel_space.h"
#include "guest/gkernel/page.h"
#include "guest/gkernel/panic.h"

#define PAGES (FAKE_RAM_SIZE / PAGE_SIZE)

static struct phys taken[PAGES];
static unsigned taken_count;
static uint64_t free_at_boot;

_Noreturn void panic(const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    vfprintf(stderr, text, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    abort();
}

int memory_boot(void **state) {
    (void)state;
    const struct phys from = {FAKE_RAM_START}, to = {FAKE_RAM_START + FAKE_RAM_SIZE};
    // A machine's memory holds anything when it starts.
    memset(mmu_pointer(from), 0xa5, FAKE_RAM_SIZE);
    kernel_space_init();
    kernel_space_map(from, FAKE_RAM_SIZE, MMU_READ | MMU_WRITE);
    page_init(from, to);
    page_add(from, to);
    free_at_boot = page_count_free();
    return 0;
}

void memory_drain(uint64_t left) {
    while (page_count_free() > left)
        assert_true(page_alloc(&taken[taken_count++]));
}

void memory_refill(void) {
    while (taken_count > 0)
        page_free(taken[--taken_count]);
}

enum space_answer memory_access(struct space *space, uint64_t va, unsigned access, uint8_t **at) {
    static uint64_t active;
    // As in a machine, nobody forgets translations between two accesses of one program.
    if (active != space->root.raw)
        space_activate(space);
    active = space->root.raw;
    *at = fake_mmu_access(va, access);
    if (*at != NULL)
        return SPACE_DONE;
    const enum space_answer answer = space_fault(space, va, access);
    *at = fake_mmu_access(va, access);
    assert_int_equal(*at != NULL, answer == SPACE_DONE);
    return answer;
}

uint8_t memory_load(struct space *space, uint64_t va) {
    uint8_t *at;
    assert_int_equal(memory_access(space, va, MMU_READ, &at), SPACE_DONE);
    return *at;
}

void memory_store(struct space *space, uint64_t va, uint8_t byte) {
    uint8_t *at;
    assert_int_equal(memory_access(space, va, MMU_WRITE, &at), SPACE_DONE);
    *at = byte;
}

uint8_t memory_fetch(struct space *space, uint64_t va) {
    uint8_t *at;
    assert_int_equal(memory_access(space, va, MMU_EXECUTE, &at), SPACE_DONE);
    return *at;
}

struct space_region memory_region(uint64_t start, uint64_t end, unsigned rights,
                                  enum space_kind kind) {
    return (struct space_region){
        .start = start, .end = end, .rights = (uint8_t)rights, .kind = (uint8_t)kind};
}

// What the tables say of RAM: how many entries lead to each page, and whether it is a table or a
// space.
struct census {
    unsigned entries[PAGES];
    unsigned others;
};

static unsigned number_of(struct phys page) {
    assert_true(page.raw >= FAKE_RAM_START && page.raw - FAKE_RAM_START < FAKE_RAM_SIZE);
    return (unsigned)((page.raw - FAKE_RAM_START) / PAGE_SIZE);
}

static void check_leaf(const struct space *space, uint64_t va, uint64_t entry,
                       struct census *census) {
    const struct phys page = mmu_is_present(entry) ? mmu_address(entry) : (struct phys){entry};
    const unsigned rights = mmu_is_present(entry) ? mmu_rights(entry) : MMU_USER;
    const struct space_region *region = NULL;
    for (unsigned i = 0; i < space->regions; i++) {
        if (space->region[i].start <= va && va < space->region[i].end)
            region = &space->region[i];
    }
    assert_non_null(region);
    assert_int_equal(rights & ~(region->rights | MMU_USER), 0);
    assert_true(rights & MMU_USER);
    assert_false((rights & MMU_WRITE) && (rights & MMU_EXECUTE));
    if (!region->shared && page_references(page) > 1)
        assert_false(rights & MMU_WRITE);
    census->entries[number_of(page)]++;
}

static void check_table(const struct space *space, struct phys table, unsigned level, uint64_t va,
                        struct census *census) {
    const uint64_t *entries = mmu_pointer(table);
    const unsigned slots = level == mmu_format.root_level ? mmu_format.kernel_slot : TABLE_ENTRIES;
    number_of(table);
    census->others++;
    for (unsigned slot = 0; slot < slots; slot++, va += PAGE_SIZE << (9 * level)) {
        if (level == 0 && entries[slot] != 0)
            check_leaf(space, va, entries[slot], census);
        else if (level > 0 && mmu_is_present(entries[slot]))
            check_table(space, mmu_address(entries[slot]), level - 1, va, census);
    }
}

static void check_regions(const struct space *space) {
    uint64_t end = SPACE_START;
    assert_true(space->regions <= SPACE_REGIONS);
    for (unsigned i = 0; i < space->regions; i++) {
        const struct space_region *region = &space->region[i];
        assert_true(region->start >= end && region->start < region->end);
        assert_true(region->end <= SPACE_END && (region->start | region->end) % PAGE_SIZE == 0);
        assert_false((region->rights & MMU_WRITE) && (region->rights & MMU_EXECUTE));
        end = region->end;
    }
}

void memory_check(struct space *const *spaces, unsigned count) {
    static struct census census;
    census = (struct census){0};
    for (unsigned i = 0; i < count; i++) {
        if (spaces[i] == NULL)
            continue;
        check_regions(spaces[i]);
        census.others++; // its own page
        check_table(spaces[i], spaces[i]->root, mmu_format.root_level, 0, &census);
    }
    uint64_t used = census.others + taken_count;
    for (unsigned i = 0; i < PAGES; i++) {
        if (census.entries[i] == 0)
            continue;
        const struct phys page = {FAKE_RAM_START + i * PAGE_SIZE};
        assert_int_equal(page_references(page), census.entries[i]);
        used++;
    }
    assert_int_equal(page_count_free() + used, free_at_boot);
    assert_true(kernel_space_is_clean());
}

struct space *space;

int memory_make(void **state) {
    (void)state;
    space = space_create();
    return space == NULL;
}

int memory_end(void **state) {
    (void)state;
    memory_check(&space, 1);
    space_release(space);
    memory_check(NULL, 0);
    return 0;
}

int memory_add(uint64_t start, uint64_t end, unsigned rights, enum space_kind kind) {
    const struct space_region region = memory_region(start, end, rights, kind);
    return region_add(space, &region);
}

void memory_expect(uint64_t va, unsigned access, enum space_answer expected) {
    uint8_t *at;
    assert_int_equal(memory_access(space, va, access, &at), expected);
}
