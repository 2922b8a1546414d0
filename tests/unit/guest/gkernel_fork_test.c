// gkernel's address spaces after a fork: each has its own as soon as somebody writes, and memory
// may run out anywhere.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest/gkernel/page.h"
#include "tests/unit/guest/gkernel_memory.h"

#define RW (MMU_READ | MMU_WRITE)
#define RX (MMU_READ | MMU_EXECUTE)
#define BASE UINT64_C(0x200000)
#define PAGE(n) (BASE + (n) * PAGE_SIZE)

// Each has its own from the first write on, whoever that is; a page that only one has left is not
// copied again.
static void test_a_fork_shares_until_somebody_writes(void **state) {
    (void)state;
    assert_int_equal(memory_add(PAGE(0), PAGE(4), RW, SPACE_MAPPED), 0);
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
    assert_int_equal(memory_add(PAGE(0), PAGE(1), RW, SPACE_MAPPED), 0);
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
    assert_int_equal(memory_add(PAGE(0), PAGE(2), RW, SPACE_MAPPED), 0);
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
    // And to read is no reason for a copy.
    const uint64_t free = page_count_free();
    assert_int_equal(memory_load(space, PAGE(0)) + memory_load(child, PAGE(1)), 3);
    assert_int_equal(page_count_free(), free);
    memory_store(child, PAGE(0), 11);
    memory_store(space, PAGE(1), 12);
    assert_int_equal(page_count_free(), free - 2);
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
    memory_expect(PAGE(0), MMU_WRITE, SPACE_DONE);
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

// With one page less each time: what begins either works or leaves nothing behind.
static void test_memory_can_run_out_anywhere_in_a_fork(void **state) {
    (void)state;
    struct space_region shared = memory_region(PAGE(600), PAGE(602), RW, SPACE_MAPPED);
    shared.shared = true;
    assert_int_equal(memory_add(PAGE(0), PAGE(3), RW, SPACE_MAPPED), 0);
    assert_int_equal(region_add(space, &shared), 0);
    assert_int_equal(memory_add(SPACE_STACK_END - PAGE_SIZE, SPACE_STACK_END, RW, SPACE_STACK), 0);
    for (unsigned i = 0; i < 3; i++)
        memory_store(space, PAGE(i), (uint8_t)(i + 1));
    memory_store(space, SPACE_STACK_END - 1, 4);
    unsigned tries = 0;
    struct space *child = NULL;
    for (unsigned left = 0; child == NULL; left++, tries++) {
        memory_drain(left);
        child = space_fork(space);
        memory_check((struct space *[]){space, child}, 2);
        for (unsigned i = 0; child == NULL && i < 3; i++) {
            assert_int_equal(memory_load(space, PAGE(i)), i + 1);
            memory_store(space, PAGE(i), (uint8_t)(i + 1));
        }
        memory_refill();
    }
    // The space, its root, three tables at level 0 and one at each level between; and once it
    // worked.
    assert_int_equal(tries, 2 + 3 + mmu_format.root_level - 1 + 1);
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
    assert_int_equal(memory_add(PAGE(2000), PAGE(2001), RW, SPACE_MAPPED), 0);
    memory_drain(0);
    memory_expect(PAGE(2000), MMU_WRITE, SPACE_NO_MEMORY);
    memory_refill();
    memory_drain(1); // enough for the table, not for the page
    memory_expect(PAGE(2000), MMU_WRITE, SPACE_NO_MEMORY);
    memory_refill();
    memory_store(space, PAGE(2000), 1);
    struct space *child = space_fork(space);
    assert_non_null(child);
    memory_drain(0);
    memory_expect(PAGE(2000), MMU_WRITE, SPACE_NO_MEMORY);
    memory_expect(PAGE(2000), MMU_READ, SPACE_DONE);
    memory_check((struct space *[]){space, child}, 2);
    space_release(child);
    memory_store(space, PAGE(2000), 2);
    memory_refill();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_fork_shares_until_somebody_writes, memory_make,
                                        memory_end),
        cmocka_unit_test_setup_teardown(test_generations_do_not_see_each_other, memory_make,
                                        memory_end),
        cmocka_unit_test_setup_teardown(test_protect_does_not_undo_the_copy, memory_make,
                                        memory_end),
        cmocka_unit_test_setup_teardown(test_shared_memory_stays_one, memory_make, memory_end),
        cmocka_unit_test_setup_teardown(test_memory_can_run_out_anywhere_in_a_fork, memory_make,
                                        memory_end),
        cmocka_unit_test_setup_teardown(test_memory_can_run_out_anywhere_else, memory_make,
                                        memory_end),
    };
    return cmocka_run_group_tests(tests, memory_boot, NULL);
}
