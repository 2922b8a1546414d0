// gkernel's pages: each is given out once at a time, comes back with its last reference, and what
// is reserved is never given out.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/fake/guest/mmu.h"
#include "guest/gkernel/page.h"
#include "tests/unit/guest/gkernel_memory.h"

#define PAGES (FAKE_RAM_SIZE / PAGE_SIZE)

static struct phys reserved_from = {FAKE_RAM_START + 10 * PAGE_SIZE + 5};
static struct phys reserved_to = {FAKE_RAM_START + 13 * PAGE_SIZE + 1};

static int boot(void **state) {
    // In reach of what is given out first: four pages, for it touches the last one with a byte.
    page_reserve(reserved_from, reserved_to);
    return memory_boot(state);
}

static unsigned number_of(struct phys page) {
    assert_true(page.raw >= FAKE_RAM_START && page.raw < FAKE_RAM_START + FAKE_RAM_SIZE);
    assert_int_equal(page.raw % PAGE_SIZE, 0);
    return (unsigned)((page.raw - FAKE_RAM_START) / PAGE_SIZE);
}

static bool is_zero(struct phys page) {
    static const uint8_t zero[PAGE_SIZE];
    return memcmp(mmu_pointer(page), zero, PAGE_SIZE) == 0;
}

static void test_all_pages_once_and_zero(void **state) {
    (void)state;
    static struct phys page[PAGES];
    static bool seen[PAGES];
    const uint64_t free = page_count_free();
    // All but the reserved ones and the counts, two bytes for each page.
    assert_int_equal(free, PAGES - 4 - 1);
    // Twice, because the second time they are those that came back, with other content.
    for (unsigned round = 0; round < 2; round++) {
        memset(seen, 0, sizeof(seen));
        for (uint64_t i = 0; i < free; i++) {
            assert_true(page_alloc(&page[i]));
            assert_false(seen[number_of(page[i])]);
            seen[number_of(page[i])] = true;
            assert_true(is_zero(page[i]));
            assert_int_equal(page_references(page[i]), 1);
            assert_int_equal(page_count_free(), free - i - 1);
            memset(mmu_pointer(page[i]), 0xa5, PAGE_SIZE);
        }
        struct phys none;
        assert_false(page_alloc(&none));
        assert_false(page_alloc_dirty(&none));
        assert_false(page_clean_one());
        for (unsigned i = 10; i <= 13; i++)
            assert_false(seen[i]);
        for (uint64_t i = 0; i < free; i++)
            page_free(page[i]);
        assert_int_equal(page_count_free(), free);
    }
}

static void test_a_page_is_free_with_its_last_reference(void **state) {
    (void)state;
    const uint64_t free = page_count_free();
    struct phys page;
    assert_true(page_alloc(&page));
    page_share(page);
    page_share(page);
    assert_int_equal(page_references(page), 3);
    page_free(page);
    page_free(page);
    assert_int_equal(page_count_free(), free - 1);
    assert_int_equal(page_references(page), 1);
    page_free(page);
    assert_int_equal(page_count_free(), free);
}

static void test_clean_pages_are_clean(void **state) {
    (void)state;
    const uint64_t free = page_count_free();
    unsigned cleaned = 0;
    while (page_clean_one())
        cleaned++;
    assert_in_range(cleaned, 1, free);
    assert_int_equal(page_count_free(), free);
    struct phys page;
    assert_true(page_alloc(&page));
    assert_true(is_zero(page));
    assert_true(page_clean_one());
    // One that is overwritten anyway does not cost a clean one.
    struct phys dirty;
    assert_true(page_alloc_dirty(&dirty));
    assert_false(page_clean_one());
    page_free(dirty);
    page_free(page);
    assert_int_equal(page_count_free(), free);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_pages_once_and_zero),
        cmocka_unit_test(test_a_page_is_free_with_its_last_reference),
        cmocka_unit_test(test_clean_pages_are_clean),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
