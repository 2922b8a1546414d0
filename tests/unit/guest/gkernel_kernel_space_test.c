// The kernel's own mappings: in every space at once, also those made later; stacks with nothing
// below them; nothing for user mode, nothing both writable and executable.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/fake/guest/mmu.h"
#include "guest/gkernel/kernel_space.h"
#include "guest/gkernel/kernel_stack.h"
#include "guest/gkernel/page.h"
#include "guest/gkernel/table.h"
#include "tests/unit/guest/gkernel_memory.h"

// The leaf for `va` under `root`, at whatever level it is, or 0.
static uint64_t leaf_of(struct phys root, uint64_t va) {
    struct phys table = root;
    for (unsigned level = mmu_format.root_level;; level--) {
        const uint64_t *entries = mmu_pointer(table);
        const uint64_t entry = entries[va / table_reach(level) % TABLE_ENTRIES];
        if (!mmu_is_present(entry))
            return 0;
        if (mmu_is_leaf(entry, level))
            return entry;
        table = mmu_address(entry);
    }
}

static void test_ram_is_at_the_linear_map(void **state) {
    (void)state;
    for (uint64_t at = FAKE_RAM_START; at < FAKE_RAM_START + FAKE_RAM_SIZE; at += PAGE_SIZE) {
        const uint64_t va = mmu_format.linear_base + at;
        const uint64_t leaf = leaf_of(mmu_boot_root(), va);
        assert_true(mmu_is_present(leaf));
        assert_int_equal(mmu_rights(leaf), MMU_READ | MMU_WRITE);
    }
    assert_true(kernel_space_is_clean());
}

// By the page tables: the fake machine has nothing at these places.
static void test_the_window_shows_what_was_asked_for(void **state) {
    (void)state;
    static const struct phys places[] = {{0x101000}, {0x20000ff8}, {0x7ffff123}};
    static const uint64_t sizes[] = {PAGE_SIZE, 16, 3 * PAGE_SIZE};
    uint64_t window[3];
    for (unsigned i = 0; i < 3; i++)
        window[i] = (uint64_t)(uintptr_t)kernel_space_window(places[i], sizes[i]);
    for (unsigned i = 0; i < 3; i++) {
        for (uint64_t byte = 0; byte < sizes[i]; byte++) {
            const uint64_t va = window[i] + byte;
            const uint64_t leaf = leaf_of(mmu_boot_root(), va);
            assert_int_equal(mmu_address(leaf).raw + va % PAGE_SIZE, places[i].raw + byte);
            assert_int_equal(mmu_rights(leaf), MMU_READ);
        }
    }
    assert_true(kernel_space_is_clean());
}

static void check_stack(const struct space *space, unsigned index) {
    const uint64_t end = (uint64_t)(uintptr_t)kernel_stack(index);
    // The trap code's rule: a bit of the address says whether it is a stack's.
    assert_int_equal(end % (2 * KERNEL_STACK_SIZE), 0);
    for (uint64_t va = end - 2 * KERNEL_STACK_SIZE; va < end; va += PAGE_SIZE) {
        const uint64_t leaf = leaf_of(space->root, va);
        assert_int_equal(mmu_is_present(leaf), va >= end - KERNEL_STACK_SIZE);
        if (leaf != 0)
            assert_int_equal(mmu_rights(leaf), MMU_READ | MMU_WRITE);
    }
}

static void test_stacks_are_in_every_space(void **state) {
    (void)state;
    static const unsigned indices[] = {0, 1, 2, 63, 500, 5000};
    // Made before any stack is, and before anything is in the window.
    struct space *space = space_create();
    assert_non_null(space);
    for (unsigned i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
        const void *stack = kernel_stack(indices[i]);
        assert_non_null(stack);
        check_stack(space, indices[i]);
        // The second time it is the same, and costs nothing.
        const uint64_t free = page_count_free();
        assert_ptr_equal(kernel_stack(indices[i]), stack);
        assert_int_equal(page_count_free(), free);
        for (unsigned j = 0; j < i; j++)
            assert_ptr_not_equal(kernel_stack(indices[j]), stack);
    }
    assert_null(kernel_stack(UINT32_MAX));
    assert_true(kernel_space_is_clean());
    space_release(space);
}

// A page at a time: what is there of a stack is used when there is memory again.
static void test_a_stack_without_memory(void **state) {
    (void)state;
    const unsigned index = 10000; // in a table that does not exist yet
    const uint64_t free = page_count_free();
    unsigned tries = 0;
    memory_drain(0);
    assert_null(kernel_stack(index));
    memory_refill();
    for (void *stack = NULL; stack == NULL; tries++) {
        memory_drain(1);
        stack = kernel_stack(index);
        memory_refill();
        assert_true(kernel_space_is_clean());
    }
    // The table, the first page, and with the second one it is complete.
    assert_int_equal(tries, 3);
    assert_int_equal(page_count_free(), free - 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ram_is_at_the_linear_map),
        cmocka_unit_test(test_stacks_are_in_every_space),
        cmocka_unit_test(test_the_window_shows_what_was_asked_for),
        cmocka_unit_test(test_a_stack_without_memory),
    };
    return cmocka_run_group_tests(tests, memory_boot, NULL);
}
