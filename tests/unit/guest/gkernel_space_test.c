// gkernel's address spaces as programs see them: what is in their pages, with which rights, and
// whose it is after a fork.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guest/gkernel/page.h"
#include "tests/unit/guest/gkernel_memory.h"

#define RW (MMU_READ | MMU_WRITE)
#define RX (MMU_READ | MMU_EXECUTE)
#define BASE UINT64_C(0x200000)
#define PAGE(n) (BASE + (n) * PAGE_SIZE)

static struct space *space;

static int make(void **state) {
    (void)state;
    space = space_create();
    return space == NULL;
}

static int end(void **state) {
    (void)state;
    memory_check(&space, 1);
    space_release(space);
    memory_check(NULL, 0);
    return 0;
}

static int add(uint64_t start, uint64_t to, unsigned rights, enum space_kind kind) {
    const struct space_region region = memory_region(start, to, rights, kind);
    return region_add(space, &region);
}

static void expect(uint64_t va, unsigned access, enum space_answer expected) {
    uint8_t *at;
    assert_int_equal(memory_access(space, va, access, &at), expected);
}

static void test_pages_appear_when_they_are_touched(void **state) {
    (void)state;
    assert_int_equal(add(PAGE(0), PAGE(1000), RW, SPACE_MAPPED), 0);
    const uint64_t free = page_count_free();
    assert_int_equal(memory_load(space, PAGE(500) + 77), 0);
    // The page, and one table for each level below the root.
    assert_int_equal(page_count_free(), free - 1 - mmu_format.root_level);
    memory_store(space, PAGE(500) + 78, 9);
    memory_store(space, PAGE(501), 10);
    assert_int_equal(page_count_free(), free - 2 - mmu_format.root_level);
    assert_int_equal(memory_load(space, PAGE(500) + 78), 9);
    expect(PAGE(0) - 1, MMU_READ, SPACE_NOTHING_THERE);
    expect(PAGE(1000), MMU_WRITE, SPACE_NOTHING_THERE);
    expect(PAGE(3), MMU_EXECUTE, SPACE_NO_RIGHT);
}

// A file's part that begins and ends in the middle of pages: nothing before and behind it.
static void test_data_is_where_it_belongs(void **state) {
    (void)state;
    static uint8_t file[3 * PAGE_SIZE];
    for (size_t i = 0; i < sizeof(file); i++)
        file[i] = (uint8_t)(i % 251 + 1);
    struct space_region region = memory_region(PAGE(0), PAGE(5), MMU_READ, SPACE_IMAGE);
    region.data = file + 3;
    region.data_start = PAGE(1) + 100;
    region.data_size = 2 * PAGE_SIZE + 50;
    assert_int_equal(region_add(space, &region), 0);
    for (uint64_t va = PAGE(0); va < PAGE(5); va++) {
        const bool inside = va >= region.data_start && va < region.data_start + region.data_size;
        assert_int_equal(memory_load(space, va), inside ? file[3 + va - region.data_start] : 0);
    }
    // All of it within one page.
    region = memory_region(PAGE(5), PAGE(6), MMU_READ, SPACE_IMAGE);
    region.data = file;
    region.data_start = PAGE(5) + 10;
    region.data_size = 5;
    assert_int_equal(region_add(space, &region), 0);
    assert_int_equal(memory_load(space, PAGE(5) + 9), 0);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(memory_load(space, PAGE(5) + i), i >= 10 && i < 15 ? i - 9 : 0);
}

static void test_what_can_be_written_cannot_be_executed(void **state) {
    (void)state;
    assert_int_equal(add(PAGE(0), PAGE(1), RW | MMU_EXECUTE, SPACE_MAPPED), -EACCES);
    assert_int_equal(add(PAGE(0), PAGE(1), MMU_WRITE | MMU_EXECUTE, SPACE_MAPPED), -EACCES);
    struct space_region shared = memory_region(PAGE(0), PAGE(1), RX, SPACE_MAPPED);
    shared.shared = true;
    assert_int_equal(region_add(space, &shared), -EACCES);
    assert_int_equal(add(PAGE(0), PAGE(1), RW, SPACE_MAPPED), 0);
    assert_int_equal(region_protect(space, PAGE(0), PAGE(1), RW | MMU_EXECUTE), -EACCES);
    assert_int_equal(space->regions, 1);
}

// A program that writes code, makes it executable, changes it, and runs it again.
static void test_code_is_executed_as_it_was_written(void **state) {
    (void)state;
    assert_int_equal(add(PAGE(0), PAGE(1), RW, SPACE_MAPPED), 0);
    for (uint8_t i = 1; i < 5; i++) {
        memory_store(space, PAGE(0), i);
        expect(PAGE(0), MMU_EXECUTE, SPACE_NO_RIGHT);
        assert_int_equal(region_protect(space, PAGE(0), PAGE(1), i % 2 ? RX : MMU_EXECUTE), 0);
        assert_int_equal(memory_fetch(space, PAGE(0)), i);
        expect(PAGE(0), MMU_WRITE, SPACE_NO_RIGHT);
        expect(PAGE(0), MMU_READ, i % 2 ? SPACE_DONE : SPACE_NO_RIGHT);
        assert_int_equal(region_protect(space, PAGE(0), PAGE(1), MMU_WRITE), 0);
    }
}

static void test_rights_that_are_taken_are_gone_at_once(void **state) {
    (void)state;
    assert_int_equal(add(PAGE(0), PAGE(3), RW, SPACE_MAPPED), 0);
    for (unsigned i = 0; i < 3; i++)
        memory_store(space, PAGE(i), (uint8_t)(i + 1));
    assert_int_equal(region_protect(space, PAGE(1), PAGE(2), MMU_READ), 0);
    expect(PAGE(1), MMU_WRITE, SPACE_NO_RIGHT);
    assert_int_equal(memory_load(space, PAGE(1)), 2);
    assert_int_equal(region_protect(space, PAGE(1), PAGE(3), 0), 0);
    expect(PAGE(1), MMU_READ, SPACE_NO_RIGHT);
    expect(PAGE(2), MMU_READ, SPACE_NO_RIGHT);
    assert_int_equal(space->regions, 2);
    memory_check(&space, 1);
    // What was in them is there again.
    assert_int_equal(region_protect(space, PAGE(0), PAGE(3), RW), 0);
    assert_int_equal(space->regions, 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(memory_load(space, PAGE(i)), i + 1);
        memory_store(space, PAGE(i), 7);
    }
}

// Each has its own from the first write on, whoever that is; a page that only one has left is not
// copied again.
static void test_a_fork_shares_until_somebody_writes(void **state) {
    (void)state;
    assert_int_equal(add(PAGE(0), PAGE(4), RW, SPACE_MAPPED), 0);
    for (unsigned i = 0; i < 3; i++)
        memory_store(space, PAGE(i), (uint8_t)(i + 1));
    const uint64_t free = page_count_free();
    struct space *child = space_fork(space);
    assert_non_null(child);
    // No page but the space's and its tables'.
    assert_int_equal(page_count_free(), free - 2 - mmu_format.root_level);
    memory_store(space, PAGE(0), 11);
    memory_store(child, PAGE(1), 12);
    assert_int_equal(page_count_free(), free - 4 - mmu_format.root_level);
    assert_int_equal(memory_load(child, PAGE(0)), 1);
    assert_int_equal(memory_load(space, PAGE(1)), 2);
    assert_int_equal(memory_load(space, PAGE(2)), 3);
    assert_int_equal(memory_load(child, PAGE(2)), 3);
    memory_check((struct space *[]){space, child}, 2);
    // The other one's turn: nothing is copied, since nobody else has them.
    memory_store(child, PAGE(0), 13);
    memory_store(space, PAGE(1), 14);
    assert_int_equal(page_count_free(), free - 4 - mmu_format.root_level);
    // What nobody had touched yet is nobody else's.
    memory_store(child, PAGE(3), 15);
    assert_int_equal(memory_load(space, PAGE(3)), 0);
    assert_int_equal(memory_load(space, PAGE(0)), 11);
    assert_int_equal(memory_load(child, PAGE(1)), 12);
    memory_check((struct space *[]){space, child}, 2);
    space_release(child);
    memory_store(space, PAGE(2), 16);
    assert_int_equal(page_count_free(), free - 1);
}

static void test_generations_do_not_see_each_other(void **state) {
    (void)state;
    struct space *all[5] = {space};
    assert_int_equal(add(PAGE(0), PAGE(1), RW, SPACE_MAPPED), 0);
    memory_store(space, PAGE(0), 1);
    for (uint8_t i = 1; i < 5; i++) {
        all[i] = space_fork(all[i - 1]);
        assert_non_null(all[i]);
        if (i % 2)
            memory_store(all[i], PAGE(0), i + 1);
    }
    memory_check(all, 5);
    static const uint8_t expected[5] = {1, 2, 2, 4, 4};
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(memory_load(all[i], PAGE(0)), expected[i]);
    memory_store(all[2], PAGE(0), 9);
    memory_store(all[4], PAGE(0), 10);
    for (unsigned i = 1; i < 5; i++) {
        assert_int_equal(memory_load(all[i], PAGE(0)), i == 2 ? 9 : i == 4 ? 10 : expected[i]);
        space_release(all[i]);
        all[i] = NULL;
        memory_check(all, 5);
    }
}

// Taking the right to write away and giving it back is no way to write what another has too.
static void test_protect_does_not_undo_the_copy(void **state) {
    (void)state;
    assert_int_equal(add(PAGE(0), PAGE(2), RW, SPACE_MAPPED), 0);
    memory_store(space, PAGE(0), 1);
    memory_store(space, PAGE(1), 2);
    assert_int_equal(region_protect(space, PAGE(1), PAGE(2), 0), 0);
    struct space *child = space_fork(space);
    assert_non_null(child);
    assert_int_equal(region_protect(child, PAGE(0), PAGE(1), MMU_READ), 0);
    assert_int_equal(region_protect(child, PAGE(0), PAGE(2), RW), 0);
    assert_int_equal(region_protect(space, PAGE(0), PAGE(1), RX), 0);
    assert_int_equal(region_protect(space, PAGE(0), PAGE(2), RW), 0);
    memory_check((struct space *[]){space, child}, 2);
    memory_store(child, PAGE(0), 11);
    memory_store(space, PAGE(1), 12);
    assert_int_equal(memory_load(space, PAGE(0)), 1);
    assert_int_equal(memory_load(child, PAGE(1)), 2);
    memory_check((struct space *[]){space, child}, 2);
    space_release(child);
}

static void test_shared_memory_stays_one(void **state) {
    (void)state;
    struct space_region shared = memory_region(PAGE(0), PAGE(4), RW, SPACE_MAPPED);
    shared.shared = true;
    const uint64_t free = page_count_free();
    assert_int_equal(region_add(space, &shared), 0);
    // At once, with tables for each level below the root.
    assert_int_equal(page_count_free(), free - 4 - mmu_format.root_level);
    struct space *child = space_fork(space);
    assert_non_null(child);
    memory_store(space, PAGE(0), 1);
    memory_store(child, PAGE(1), 2);
    assert_int_equal(memory_load(child, PAGE(0)), 1);
    assert_int_equal(memory_load(space, PAGE(1)), 2);
    // Each has its own rights and its own view of what is there.
    assert_int_equal(region_protect(child, PAGE(0), PAGE(2), 0), 0);
    expect(PAGE(0), MMU_WRITE, SPACE_DONE);
    assert_int_equal(region_remove(space, PAGE(1), PAGE(2)), 0);
    memory_check((struct space *[]){space, child}, 2);
    assert_int_equal(region_protect(child, PAGE(0), PAGE(2), RW), 0);
    assert_int_equal(region_protect(child, PAGE(0), PAGE(1), RX), -EACCES);
    assert_int_equal(memory_load(child, PAGE(1)), 2);
    memory_store(child, PAGE(0), 3);
    assert_int_equal(memory_load(space, PAGE(0)), 3);
    memory_check((struct space *[]){space, child}, 2);
    space_release(child);
    assert_int_equal(memory_load(space, PAGE(0)), 3);
}

static void test_a_space_lives_as_long_as_its_threads(void **state) {
    (void)state;
    assert_int_equal(add(PAGE(0), PAGE(1), RW, SPACE_MAPPED), 0);
    memory_store(space, PAGE(0), 1);
    space_share(space);
    space_share(space);
    space_release(space);
    space_release(space);
    assert_int_equal(memory_load(space, PAGE(0)), 1);
}

// With one page less each time: what begins either works or leaves nothing behind.
static void test_memory_can_run_out_anywhere_in_a_fork(void **state) {
    (void)state;
    struct space_region shared = memory_region(PAGE(600), PAGE(602), RW, SPACE_MAPPED);
    shared.shared = true;
    assert_int_equal(add(PAGE(0), PAGE(3), RW, SPACE_MAPPED), 0);
    assert_int_equal(region_add(space, &shared), 0);
    assert_int_equal(add(SPACE_STACK_END - PAGE_SIZE, SPACE_STACK_END, RW, SPACE_STACK), 0);
    for (unsigned i = 0; i < 3; i++)
        memory_store(space, PAGE(i), (uint8_t)(i + 1));
    memory_store(space, SPACE_STACK_END - 1, 4);
    unsigned failed = 0;
    struct space *child = NULL;
    for (unsigned left = 0; child == NULL; left++, failed++) {
        memory_drain(left);
        child = space_fork(space);
        memory_check((struct space *[]){space, child}, 2);
        for (unsigned i = 0; child == NULL && i < 3; i++) {
            assert_int_equal(memory_load(space, PAGE(i)), i + 1);
            memory_store(space, PAGE(i), (uint8_t)(i + 1));
        }
        memory_refill();
    }
    // The space, its root, two tables of level 0, two above, and with four levels one more; all but
    // one of these were not enough each.
    assert_int_equal(failed, 2 + 3 + mmu_format.root_level - 1 + 1);
    space_release(child);
}

static void test_memory_can_run_out_anywhere_else(void **state) {
    (void)state;
    struct space_region shared = memory_region(PAGE(510), PAGE(515), RW, SPACE_MAPPED);
    shared.shared = true;
    int added = -1;
    unsigned failed = 0;
    for (unsigned left = 0; added != 0; left++, failed++) {
        memory_drain(left);
        added = region_add(space, &shared);
        assert_true(added == 0 || added == -ENOMEM);
        assert_int_equal(space->regions, added == 0);
        memory_refill();
        memory_check(&space, 1);
    }
    assert_in_range(failed, 5, 5 + mmu_format.root_level + 2);
    assert_int_equal(add(PAGE(2000), PAGE(2001), RW, SPACE_MAPPED), 0);
    memory_drain(0);
    expect(PAGE(2000), MMU_WRITE, SPACE_NO_MEMORY);
    memory_refill();
    memory_drain(1); // enough for the table, not for the page
    expect(PAGE(2000), MMU_WRITE, SPACE_NO_MEMORY);
    memory_refill();
    memory_store(space, PAGE(2000), 1);
    struct space *child = space_fork(space);
    assert_non_null(child);
    memory_drain(0);
    expect(PAGE(2000), MMU_WRITE, SPACE_NO_MEMORY);
    expect(PAGE(2000), MMU_READ, SPACE_DONE);
    memory_check((struct space *[]){space, child}, 2);
    space_release(child);
    memory_store(space, PAGE(2000), 2);
    memory_refill();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pages_appear_when_they_are_touched, make, end),
        cmocka_unit_test_setup_teardown(test_data_is_where_it_belongs, make, end),
        cmocka_unit_test_setup_teardown(test_what_can_be_written_cannot_be_executed, make, end),
        cmocka_unit_test_setup_teardown(test_code_is_executed_as_it_was_written, make, end),
        cmocka_unit_test_setup_teardown(test_rights_that_are_taken_are_gone_at_once, make, end),
        cmocka_unit_test_setup_teardown(test_a_fork_shares_until_somebody_writes, make, end),
        cmocka_unit_test_setup_teardown(test_generations_do_not_see_each_other, make, end),
        cmocka_unit_test_setup_teardown(test_protect_does_not_undo_the_copy, make, end),
        cmocka_unit_test_setup_teardown(test_shared_memory_stays_one, make, end),
        cmocka_unit_test_setup_teardown(test_a_space_lives_as_long_as_its_threads, make, end),
        cmocka_unit_test_setup_teardown(test_memory_can_run_out_anywhere_in_a_fork, make, end),
        cmocka_unit_test_setup_teardown(test_memory_can_run_out_anywhere_else, make, end),
    };
    return cmocka_run_group_tests(tests, memory_boot, NULL);
}
