// The regions of gkernel's address spaces: where they may be, how they are cut and joined, and what
// stays of them when a call is refused.

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

static void test_pages_that_are_removed_are_given_back(void **state) {
    (void)state;
    assert_int_equal(memory_add(PAGE(0), PAGE(8), RW, SPACE_MAPPED), 0);
    for (unsigned i = 0; i < 8; i++)
        memory_store(space, PAGE(i), 1);
    const uint64_t free = page_count_free();
    assert_int_equal(region_remove(space, PAGE(3), PAGE(5)), 0);
    assert_int_equal(space->regions, 2);
    assert_int_equal(page_count_free(), free + 2);
    memory_expect(PAGE(3), MMU_READ, SPACE_NOTHING_THERE);
    memory_expect(PAGE(4), MMU_WRITE, SPACE_NOTHING_THERE);
    assert_int_equal(memory_load(space, PAGE(2)), 1);
    // Over the hole, and beyond both ends.
    assert_int_equal(region_remove(space, PAGE(1), PAGE(7)), 0);
    assert_int_equal(page_count_free(), free + 6);
    assert_int_equal(memory_load(space, PAGE(0)) + memory_load(space, PAGE(7)), 2);
    assert_int_equal(region_remove(space, PAGE(0) - 5 * PAGE_SIZE, PAGE(20)), 0);
    assert_int_equal(space->regions, 0);
    assert_int_equal(page_count_free(), free + 8);
    // What comes there later begins as zero.
    assert_int_equal(memory_add(PAGE(0), PAGE(1), RW, SPACE_MAPPED), 0);
    assert_int_equal(memory_load(space, PAGE(0)), 0);
}

static void test_wrong_ranges_are_refused(void **state) {
    (void)state;
    static const uint64_t wrong[][2] = {
        {0, PAGE_SIZE},
        {PAGE(0), PAGE(0)},
        {PAGE(1), PAGE(0)},
        {PAGE(0) + 1, PAGE(1)},
        {PAGE(0), PAGE(1) + 8},
        {SPACE_END - PAGE_SIZE, SPACE_END + PAGE_SIZE},
        {SPACE_END, SPACE_END + PAGE_SIZE},
        {UINT64_MAX - PAGE_SIZE + 1, UINT64_MAX - PAGE_SIZE + 1},
        {UINT64_MAX - PAGE_SIZE + 1, PAGE_SIZE},
        {UINT64_C(0xffffffc080200000), UINT64_C(0xffffffc080201000)},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(memory_add(wrong[i][0], wrong[i][1], RW, SPACE_MAPPED), -EINVAL);
        assert_int_equal(region_remove(space, wrong[i][0], wrong[i][1]), -EINVAL);
        assert_int_equal(region_protect(space, wrong[i][0], wrong[i][1], MMU_READ), -EINVAL);
        memory_expect(wrong[i][1] | UINT64_C(1) << 40, MMU_READ, SPACE_NOTHING_THERE);
    }
    memory_expect(0, MMU_READ, SPACE_NOTHING_THERE);
    memory_expect(UINT64_MAX, MMU_WRITE, SPACE_NOTHING_THERE);
}

static void test_regions_do_not_overlap(void **state) {
    (void)state;
    assert_int_equal(memory_add(PAGE(4), PAGE(8), RW, SPACE_MAPPED), 0);
    assert_int_equal(memory_add(PAGE(3), PAGE(5), RW, SPACE_MAPPED), -EEXIST);
    assert_int_equal(memory_add(PAGE(7), PAGE(9), MMU_READ, SPACE_MAPPED), -EEXIST);
    assert_int_equal(memory_add(PAGE(5), PAGE(6), RW, SPACE_MAPPED), -EEXIST);
    assert_int_equal(memory_add(PAGE(2), PAGE(10), RW, SPACE_MAPPED), -EEXIST);
    assert_int_equal(space->regions, 1);
    assert_int_equal(memory_add(PAGE(9), PAGE(10), RW, SPACE_MAPPED), 0);
    assert_int_equal(space->regions, 2);
    // The one between them makes all of them one.
    assert_int_equal(memory_add(PAGE(8), PAGE(9), RW, SPACE_MAPPED), 0);
    assert_int_equal(space->regions, 1);
    assert_int_equal(memory_add(PAGE(3), PAGE(4), MMU_READ, SPACE_MAPPED), 0);
    assert_int_equal(space->regions, 2);
    assert_int_equal(region_find(space, PAGE(4))->end, PAGE(10));
    assert_null(region_find(space, PAGE(10)));
    assert_int_equal(region_protect(space, PAGE(3), PAGE(11), MMU_READ), -ENOMEM);
    assert_int_equal(region_protect(space, PAGE(2), PAGE(4), MMU_READ), -ENOMEM);
}

// Neighbours of the same kind and rights, but of different parts of a file.
static void test_what_is_filled_differently_stays_apart(void **state) {
    (void)state;
    static const uint8_t file[PAGE_SIZE] = {[0] = 1, [100] = 2};
    struct space_region other = memory_region(PAGE(4), PAGE(5), MMU_READ, SPACE_IMAGE);
    other.data = file + 100;
    other.data_start = PAGE(4);
    other.data_size = 8;
    assert_int_equal(region_add(space, &other), 0);
    other.start = other.data_start = PAGE(5);
    other.end = PAGE(6);
    other.data = file;
    assert_int_equal(region_add(space, &other), 0);
    assert_int_equal(memory_load(space, PAGE(4)), 2);
    assert_int_equal(memory_load(space, PAGE(5)), 1);
    // A part that was cut off and comes back is filled as before.
    assert_int_equal(region_protect(space, PAGE(5), PAGE(6), MMU_EXECUTE), 0);
    assert_int_equal(region_protect(space, PAGE(4), PAGE(6), MMU_READ), 0);
    assert_int_equal(memory_load(space, PAGE(4)), 2);
    assert_int_equal(memory_load(space, PAGE(5)), 1);
    assert_int_equal(space->regions, 2);
}

// As many as there is room for, and no more; what needs none more still works.
static void test_the_list_of_regions_can_be_full(void **state) {
    (void)state;
    for (unsigned i = 0; i < SPACE_REGIONS; i++)
        assert_int_equal(memory_add(PAGE(4 * i), PAGE(4 * i + 3), RW, SPACE_MAPPED), 0);
    assert_int_equal(memory_add(PAGE(1000), PAGE(1001), RW, SPACE_MAPPED), -ENOMEM);
    assert_int_equal(region_remove(space, PAGE(5), PAGE(6)), -ENOMEM);
    assert_int_equal(region_protect(space, PAGE(4), PAGE(5), MMU_READ), -ENOMEM);
    memory_store(space, PAGE(5), 3);
    assert_int_equal(memory_load(space, PAGE(5)), 3);
    assert_int_equal(region_protect(space, PAGE(4), PAGE(7), MMU_READ), 0);
    assert_int_equal(region_protect(space, PAGE(4), PAGE(7), RW), 0);
    assert_int_equal(region_remove(space, PAGE(6), PAGE(7)), 0);
    assert_int_equal(region_remove(space, PAGE(4), PAGE(5)), 0);
    assert_int_equal(memory_load(space, PAGE(5)), 3);
    assert_int_equal(memory_add(PAGE(4), PAGE(5), RW, SPACE_MAPPED), 0);
    assert_int_equal(memory_add(PAGE(3), PAGE(4), RW, SPACE_MAPPED), 0);
    assert_int_equal(space->regions, SPACE_REGIONS - 1);
}

static void test_a_guard_says_what_ran_over(void **state) {
    (void)state;
    assert_int_equal(
        memory_add(SPACE_STACK_END - SPACE_STACK_SIZE, SPACE_STACK_END, RW, SPACE_STACK), 0);
    assert_int_equal(memory_add(SPACE_MAP_END, SPACE_MAP_END + PAGE_SIZE, 0, SPACE_GUARD), 0);
    memory_store(space, SPACE_STACK_END - 8, 1);
    memory_store(space, SPACE_STACK_END - SPACE_STACK_SIZE, 1);
    memory_expect(SPACE_STACK_END - SPACE_STACK_SIZE - 8, MMU_WRITE, SPACE_STACK_OVERFLOW);
    memory_expect(SPACE_MAP_END, MMU_READ, SPACE_STACK_OVERFLOW);
    memory_expect(SPACE_STACK_END, MMU_READ, SPACE_NOTHING_THERE);
    // It stays, whatever the program does.
    assert_int_equal(region_protect(space, SPACE_MAP_END, SPACE_MAP_END + PAGE_SIZE, RW), -ENOMEM);
    assert_int_equal(memory_add(SPACE_MAP_END, SPACE_MAP_END + PAGE_SIZE, RW, SPACE_MAPPED),
                     -EEXIST);
    assert_int_equal(region_remove(space, SPACE_START, SPACE_END), 0);
    memory_expect(SPACE_MAP_END, MMU_WRITE, SPACE_STACK_OVERFLOW);
    assert_int_equal(space->regions, 1);
}

static void test_places_are_found_from_the_top(void **state) {
    (void)state;
    assert_int_equal(
        memory_add(SPACE_STACK_END - SPACE_STACK_SIZE, SPACE_STACK_END, RW, SPACE_STACK), 0);
    assert_int_equal(memory_add(SPACE_MAP_END, SPACE_MAP_END + PAGE_SIZE, 0, SPACE_GUARD), 0);
    assert_int_equal(memory_add(PAGE_SIZE, BASE, RX, SPACE_IMAGE), 0);
    space->heap_start = space->heap_end = BASE;
    const uint64_t first = region_place(space, 4 * PAGE_SIZE);
    assert_int_equal(first, SPACE_MAP_END - 4 * PAGE_SIZE);
    assert_int_equal(memory_add(first, first + 4 * PAGE_SIZE, RW, SPACE_MAPPED), 0);
    const uint64_t second = region_place(space, PAGE_SIZE);
    assert_int_equal(second, first - PAGE_SIZE);
    assert_int_equal(memory_add(second, first, MMU_READ, SPACE_MAPPED), 0);
    // A gap is used by what fits, and by nothing else.
    assert_int_equal(region_remove(space, first + PAGE_SIZE, first + 3 * PAGE_SIZE), 0);
    assert_int_equal(region_place(space, 2 * PAGE_SIZE), first + PAGE_SIZE);
    assert_int_equal(region_place(space, PAGE_SIZE), first + 2 * PAGE_SIZE);
    assert_int_equal(region_place(space, 3 * PAGE_SIZE), second - 3 * PAGE_SIZE);
    // As far as the heap, not a page more.
    assert_int_equal(region_place(space, second - BASE), BASE);
    assert_int_equal(region_place(space, second - BASE + PAGE_SIZE), 0);
    assert_int_equal(region_move_heap(space, BASE + 1), BASE + 1);
    assert_int_equal(region_place(space, second - BASE), 0);
    assert_int_equal(region_place(space, second - BASE - PAGE_SIZE), BASE + PAGE_SIZE);
    assert_int_equal(region_place(space, 0), 0);
    assert_int_equal(region_place(space, 5), 0);
    assert_int_equal(region_place(space, UINT64_MAX - PAGE_SIZE + 1), 0);
}

static void test_the_heap_moves(void **state) {
    (void)state;
    space->heap_start = space->heap_end = BASE;
    assert_int_equal(region_move_heap(space, 0), BASE);
    assert_int_equal(region_move_heap(space, BASE - 1), BASE);
    memory_expect(BASE, MMU_WRITE, SPACE_NOTHING_THERE);
    assert_int_equal(region_move_heap(space, BASE + 10), BASE + 10);
    memory_store(space, BASE + PAGE_SIZE - 1, 5);
    memory_expect(PAGE(1), MMU_READ, SPACE_NOTHING_THERE);
    assert_int_equal(region_move_heap(space, PAGE(3)), PAGE(3));
    assert_int_equal(space->regions, 1);
    memory_store(space, PAGE(3) - 1, 6);
    memory_expect(PAGE(3), MMU_READ, SPACE_NOTHING_THERE);
    const uint64_t free = page_count_free();
    assert_int_equal(region_move_heap(space, PAGE(1)), PAGE(1));
    assert_int_equal(page_count_free(), free + 1);
    memory_expect(PAGE(1), MMU_READ, SPACE_NOTHING_THERE);
    assert_int_equal(region_move_heap(space, PAGE(3)), PAGE(3));
    assert_int_equal(memory_load(space, PAGE(3) - 1), 0);
    assert_int_equal(memory_load(space, PAGE(1) - 1), 5);
    // What is in the way stops it.
    assert_int_equal(memory_add(PAGE(5), PAGE(6), MMU_READ, SPACE_MAPPED), 0);
    assert_int_equal(region_move_heap(space, PAGE(5)), PAGE(5));
    assert_int_equal(region_move_heap(space, PAGE(5) + 1), PAGE(5));
    assert_int_equal(region_move_heap(space, SPACE_MAP_END + 1), PAGE(5));
    assert_int_equal(region_move_heap(space, UINT64_MAX), PAGE(5));
    // Each one's is its own after a fork.
    struct space *child = space_fork(space);
    assert_non_null(child);
    assert_int_equal(region_move_heap(child, PAGE(4)), PAGE(4));
    assert_int_equal(region_move_heap(child, PAGE(5)), PAGE(5));
    memory_store(child, PAGE(1) - 1, 7);
    assert_int_equal(memory_load(space, PAGE(1) - 1), 5);
    space_release(child);
    assert_int_equal(region_move_heap(space, BASE), BASE);
    assert_int_equal(space->regions, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pages_that_are_removed_are_given_back, memory_make,
                                        memory_end),
        cmocka_unit_test_setup_teardown(test_wrong_ranges_are_refused, memory_make, memory_end),
        cmocka_unit_test_setup_teardown(test_regions_do_not_overlap, memory_make, memory_end),
        cmocka_unit_test_setup_teardown(test_what_is_filled_differently_stays_apart, memory_make,
                                        memory_end),
        cmocka_unit_test_setup_teardown(test_the_list_of_regions_can_be_full, memory_make,
                                        memory_end),
        cmocka_unit_test_setup_teardown(test_a_guard_says_what_ran_over, memory_make, memory_end),
        cmocka_unit_test_setup_teardown(test_places_are_found_from_the_top, memory_make,
                                        memory_end),
        cmocka_unit_test_setup_teardown(test_the_heap_moves, memory_make, memory_end),
    };
    return cmocka_run_group_tests(tests, memory_boot, NULL);
}
