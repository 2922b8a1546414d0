// gkernel's address spaces as programs see them: what is in their pages, and with which
// rights.

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

static void test_pages_appear_when_they_are_touched(void **state) {
    (void)state;
    assert_int_equal(memory_add(PAGE(0), PAGE(1000), RW, SPACE_MAPPED), 0);
    const uint64_t free = page_count_free();
    assert_int_equal(memory_load(space, PAGE(500) + 77), 0);
    // The page, and one table for each level below the root.
    assert_int_equal(page_count_free(), free - 1 - mmu_format.root_level);
    memory_store(space, PAGE(500) + 78, 9);
    memory_store(space, PAGE(501), 10);
    assert_int_equal(page_count_free(), free - 2 - mmu_format.root_level);
    assert_int_equal(memory_load(space, PAGE(500) + 78), 9);
    memory_expect(PAGE(0) - 1, MMU_READ, SPACE_NOTHING_THERE);
    memory_expect(PAGE(1000), MMU_WRITE, SPACE_NOTHING_THERE);
    memory_expect(PAGE(3), MMU_EXECUTE, SPACE_NO_RIGHT);
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
    assert_int_equal(memory_add(PAGE(0), PAGE(1), RW | MMU_EXECUTE, SPACE_MAPPED), -EACCES);
    assert_int_equal(memory_add(PAGE(0), PAGE(1), MMU_WRITE | MMU_EXECUTE, SPACE_MAPPED), -EACCES);
    struct space_region shared = memory_region(PAGE(0), PAGE(1), RX, SPACE_MAPPED);
    shared.shared = true;
    assert_int_equal(region_add(space, &shared), -EACCES);
    assert_int_equal(memory_add(PAGE(0), PAGE(1), RW, SPACE_MAPPED), 0);
    assert_int_equal(region_protect(space, PAGE(0), PAGE(1), RW | MMU_EXECUTE), -EACCES);
    assert_int_equal(space->regions, 1);
}

// A program that writes code, makes it executable, changes it, and runs it again.
static void test_code_is_executed_as_it_was_written(void **state) {
    (void)state;
    assert_int_equal(memory_add(PAGE(0), PAGE(1), RW, SPACE_MAPPED), 0);
    for (uint8_t i = 1; i < 5; i++) {
        memory_store(space, PAGE(0), i);
        memory_expect(PAGE(0), MMU_EXECUTE, SPACE_NO_RIGHT);
        assert_int_equal(region_protect(space, PAGE(0), PAGE(1), i % 2 ? RX : MMU_EXECUTE), 0);
        assert_int_equal(memory_fetch(space, PAGE(0)), i);
        memory_expect(PAGE(0), MMU_WRITE, SPACE_NO_RIGHT);
        memory_expect(PAGE(0), MMU_READ, i % 2 ? SPACE_DONE : SPACE_NO_RIGHT);
        assert_int_equal(region_protect(space, PAGE(0), PAGE(1), MMU_WRITE), 0);
    }
}

static void test_rights_that_are_taken_are_gone_at_once(void **state) {
    (void)state;
    assert_int_equal(memory_add(PAGE(0), PAGE(3), RW, SPACE_MAPPED), 0);
    for (unsigned i = 0; i < 3; i++)
        memory_store(space, PAGE(i), (uint8_t)(i + 1));
    assert_int_equal(region_protect(space, PAGE(1), PAGE(2), MMU_READ), 0);
    memory_expect(PAGE(1), MMU_WRITE, SPACE_NO_RIGHT);
    assert_int_equal(memory_load(space, PAGE(1)), 2);
    assert_int_equal(region_protect(space, PAGE(1), PAGE(3), 0), 0);
    memory_expect(PAGE(1), MMU_READ, SPACE_NO_RIGHT);
    memory_expect(PAGE(2), MMU_READ, SPACE_NO_RIGHT);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pages_appear_when_they_are_touched, memory_make,
                                        memory_end),
        cmocka_unit_test_setup_teardown(test_data_is_where_it_belongs, memory_make, memory_end),
        cmocka_unit_test_setup_teardown(test_what_can_be_written_cannot_be_executed, memory_make,
                                        memory_end),
        cmocka_unit_test_setup_teardown(test_code_is_executed_as_it_was_written, memory_make,
                                        memory_end),
        cmocka_unit_test_setup_teardown(test_rights_that_are_taken_are_gone_at_once, memory_make,
                                        memory_end),
    };
    return cmocka_run_group_tests(tests, memory_boot, NULL);
}
