// gkernel reads and writes a process's memory as the process itself could, and never its own.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guest/gkernel/page.h"
#include "guest/gkernel/user_memory.h"
#include "tests/unit/guest/gkernel_memory.h"

#define RW (MMU_READ | MMU_WRITE)
#define BASE UINT64_C(0x3ff000) // the next page is in another table
#define PAGE(n) (BASE + (n) * PAGE_SIZE)
#define SIZE (3 * PAGE_SIZE)

static uint8_t from_user[4 * PAGE_SIZE], to_user[4 * PAGE_SIZE];

static void add(uint64_t start, uint64_t end, unsigned rights, enum space_kind kind) {
    const struct space_region region = memory_region(start, end, rights, kind);
    assert_int_equal(region_add(space, &region), 0);
}

static int make(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(to_user); i++)
        to_user[i] = (uint8_t)(i % 253 + 1);
    return memory_make(state);
}

static void test_copies_over_page_borders(void **state) {
    (void)state;
    add(PAGE(0), PAGE(4), RW, SPACE_MAPPED);
    static const size_t offsets[] = {0, 1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 7};
    static const size_t sizes[] = {0, 1, 2, 8, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, SIZE - 8};
    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        for (unsigned j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
            const uint64_t at = PAGE(0) + offsets[i];
            memory_store(space, at + sizes[j], 0xff);
            assert_true(user_write(space, at, to_user + i, sizes[j]));
            assert_true(user_read(space, from_user, at, sizes[j]));
            assert_memory_equal(from_user, to_user + i, sizes[j]);
            if (sizes[j] > 0) {
                assert_int_equal(memory_load(space, at), to_user[i]);
                assert_int_equal(memory_load(space, at + sizes[j] - 1), to_user[i + sizes[j] - 1]);
            }
            assert_int_equal(memory_load(space, at + sizes[j]), 0xff);
        }
    }
}

static void test_what_the_process_may_not_the_kernel_does_not(void **state) {
    (void)state;
    add(PAGE(0), PAGE(1), RW, SPACE_MAPPED);
    add(PAGE(1), PAGE(2), MMU_READ, SPACE_MAPPED);
    add(PAGE(2), PAGE(3), 0, SPACE_GUARD);
    add(PAGE(3), PAGE(4), MMU_EXECUTE, SPACE_IMAGE);
    for (unsigned round = 0; round < 2; round++) { // the second time, the pages are there
        assert_true(user_write(space, PAGE(0), to_user, PAGE_SIZE));
        assert_false(user_write(space, PAGE(1) - 4, to_user, 8));
        assert_false(user_write(space, PAGE(1), to_user, 1));
        assert_true(user_read(space, from_user, PAGE(1) - 4, 8));
        assert_false(user_read(space, from_user, PAGE(2) - 4, 8));
        assert_false(user_read(space, from_user, PAGE(2), 1));
        memory_fetch(space, PAGE(3));
        assert_false(user_read(space, from_user, PAGE(3), 1));
        assert_false(user_write(space, PAGE(3), to_user, 1));
        assert_false(user_read(space, from_user, PAGE(0) - 1, 1));
        assert_false(user_read(space, from_user, PAGE(4), 1));
        assert_null(user_pointer(space, PAGE(1), MMU_WRITE));
        assert_null(user_pointer(space, PAGE(2), MMU_READ));
    }
    assert_int_equal(region_protect(space, PAGE(0), PAGE(1), 0), 0);
    assert_false(user_read(space, from_user, PAGE(0), 1));
    assert_int_equal(region_protect(space, PAGE(0), PAGE(1), MMU_READ), 0);
    assert_false(user_write(space, PAGE(0), to_user, 1));
    assert_true(user_read(space, from_user, PAGE(0), PAGE_SIZE));
    assert_memory_equal(from_user, to_user, PAGE_SIZE - 4); // what the refused ones did not reach
}

// Its own memory is in the same tables.
static void test_the_kernels_memory_is_out_of_reach(void **state) {
    (void)state;
    add(SPACE_END - PAGE_SIZE, SPACE_END, RW, SPACE_STACK);
    struct phys page;
    assert_true(page_alloc(&page));
    memset(mmu_pointer(page), 0x5a, PAGE_SIZE);
    memory_store(space, SPACE_END - 8, 'x');
    const uint64_t linear = (uint64_t)(uintptr_t)mmu_pointer(page);
    const uint64_t addresses[] = {0,
                                  8,
                                  SPACE_END,
                                  SPACE_END - 4,
                                  mmu_format.user_end - 4,
                                  mmu_format.user_end,
                                  linear,
                                  (uint64_t)(uintptr_t)&page,
                                  mmu_format.window,
                                  UINT64_C(1) << 63,
                                  (UINT64_C(1) << 48) + SPACE_END - 8, // has the same tables
                                  UINT64_MAX - 3,
                                  UINT64_MAX};
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        assert_false(user_read(space, from_user, addresses[i], 8));
        assert_false(user_write(space, addresses[i], to_user, 8));
        assert_true(user_string(space, (char *)from_user, addresses[i], 8) ==
                    (addresses[i] == SPACE_END - 4 ? 0 : -EFAULT));
    }
    // Sizes that lead around the end of all addresses, or into the kernel.
    static const uint64_t sizes[] = {UINT64_MAX, UINT64_MAX - SPACE_END + 5, SPACE_END,
                                     UINT64_C(1) << 63};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_false(user_read(space, from_user, SPACE_END - 4, sizes[i]));
        assert_false(user_write(space, SPACE_END - 4, to_user, sizes[i]));
    }
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(((uint8_t *)mmu_pointer(page))[i], 0x5a);
    assert_true(user_write(space, SPACE_END - 4, to_user, 4));
    page_free(page);
}

static void test_strings(void **state) {
    (void)state;
    char text[64];
    add(PAGE(0), PAGE(2), RW, SPACE_MAPPED);
    static const char words[] = "over the border";
    const uint64_t at = PAGE(1) - 5;
    assert_true(user_write(space, at, words, sizeof(words)));
    assert_int_equal(user_string(space, text, at, sizeof(text)), sizeof(words) - 1);
    assert_string_equal(text, words);
    assert_int_equal(user_string(space, text, at, sizeof(words)), sizeof(words) - 1);
    assert_int_equal(user_string(space, text, at, sizeof(words) - 1), -ENAMETOOLONG);
    assert_int_equal(user_string(space, text, at, 0), -ENAMETOOLONG);
    // One that ends with the last byte of memory, and one that does not.
    memory_store(space, PAGE(2) - 2, 'x');
    assert_int_equal(user_string(space, text, PAGE(2) - 2, sizeof(text)), 1);
    memory_store(space, PAGE(2) - 1, 'y');
    assert_int_equal(user_string(space, text, PAGE(2) - 2, sizeof(text)), -EFAULT);
    assert_int_equal(user_string(space, text, PAGE(2) - 2, 2), -ENAMETOOLONG);
}

// The kernel's writes are the process's: they neither reach the other one nor read what is not
// zero.
static void test_the_kernel_copies_on_write_too(void **state) {
    (void)state;
    struct space_region shared = memory_region(PAGE(2), PAGE(3), RW, SPACE_MAPPED);
    shared.shared = true;
    add(PAGE(0), PAGE(2), RW, SPACE_MAPPED);
    assert_int_equal(region_add(space, &shared), 0);
    memory_store(space, PAGE(0), 1);
    struct space *child = space_fork(space);
    assert_non_null(child);
    const uint8_t two = 2, three = 3;
    assert_true(user_write(child, PAGE(0), &two, 1));
    assert_int_equal(memory_load(space, PAGE(0)), 1);
    assert_true(user_write(space, PAGE(0), &three, 1));
    assert_int_equal(memory_load(child, PAGE(0)), 2);
    // The same place for both, where memory is one; two where it is not.
    assert_ptr_equal(user_pointer(space, PAGE(2) + 8, MMU_WRITE),
                     user_pointer(child, PAGE(2) + 8, MMU_READ));
    assert_ptr_not_equal(user_pointer(space, PAGE(0), MMU_READ),
                         user_pointer(child, PAGE(0), MMU_READ));
    memory_check((struct space *[]){space, child}, 2);
    // No memory: refused like a wrong address, and nothing is lost.
    struct space *second = space_fork(space);
    assert_non_null(second);
    memory_drain(0);
    assert_false(user_write(second, PAGE(0), &two, 1));
    assert_true(user_read(second, from_user, PAGE(0), 1));
    memory_refill();
    assert_int_equal(from_user[0], 3);
    space_release(second);
    space_release(child);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_copies_over_page_borders, make, memory_end),
        cmocka_unit_test_setup_teardown(test_what_the_process_may_not_the_kernel_does_not, make,
                                        memory_end),
        cmocka_unit_test_setup_teardown(test_the_kernels_memory_is_out_of_reach, make, memory_end),
        cmocka_unit_test_setup_teardown(test_strings, make, memory_end),
        cmocka_unit_test_setup_teardown(test_the_kernel_copies_on_write_too, make, memory_end),
    };
    return cmocka_run_group_tests(tests, memory_boot, NULL);
}
