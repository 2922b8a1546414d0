// MAP: which memory, with which rights, where, in pages of which size, and how far one
// call goes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/space.h"
#include "kernel/mem/pagetable.h"
#include "tests/unit/kernel/world.h"

#define FRAME 50 // a frame of init's, aligned as the largest page
#define FRAME_SIZE (16ull << 30)
#define RWX (RIGHT_R | RIGHT_W | RIGHT_X)

static unsigned task_space, guest_space; // slots
static uint64_t base;

static void grant(unsigned to, unsigned rights, uint64_t offset, uint64_t size) {
    uint64_t at = (8ull << 30) - world.init->cap[INIT_SLOT_HIGH].base + offset;
    assert_int_equal(world_do(world.init, SYSCALL_GRANT, INIT_SLOT_TASK,
                              WORDS(to, INIT_SLOT_HIGH, rights, at, size)),
                     STATUS_OK);
}

static int begin(void **state) {
    world_begin(state);
    task_space = world_create(OBJECT_SPACE, 40, SPACE_TASK, 0, 0);
    guest_space = world_create(OBJECT_SPACE, 12, SPACE_GUEST, 0, 0);
    grant(FRAME, RWX, 0, FRAME_SIZE);
    base = 8ull << 30;
    return 0;
}

static enum status map_in(unsigned space, uint64_t address, uint64_t offset, uint64_t size,
                          uint64_t rights) {
    return world_do(world.init, SYSCALL_MAP, space, WORDS(address, FRAME, offset, size, rights));
}

static enum status map(uint64_t address, uint64_t offset, uint64_t size, uint64_t rights) {
    return map_in(task_space, address, offset, size, rights);
}

static bool is(uint64_t address, uint64_t offset, unsigned bits, unsigned rights) {
    return pagetable_is(world_space(task_space), SPACE_ADDR(address), HPA(base + offset), bits,
                        rights);
}

// How many bits the page at ADDRESS has; 0 when nothing is mapped.
static unsigned page_bits(const struct space *space, uint64_t address) {
    const uint64_t *entry = &space->root[address >> 30];
    for (unsigned bits = 30; bits >= 12 && arch_pte_present(*entry); bits -= 9) {
        if (arch_pte_leaf(*entry, (bits - PAGE_BITS) / 9)) {
            return bits;
        }
        const uint64_t *table = arch_phys_to_virt(arch_pte_target(*entry));
        entry = &table[address >> (bits - 9) & 511];
    }
    return 0;
}

static void the_largest_pages_that_fit_are_used(void **state) {
    (void)state;
    const struct space *space = world_space(task_space);
    const uint64_t size = (2ull << 30) + (2ull << 21) + 0x3000;
    assert_int_equal(map(1ull << 30, 0, size, RWX), STATUS_OK);
    assert_int_equal(world_result(0), size);
    assert_int_equal(page_bits(space, 1ull << 30), 30);
    assert_int_equal(page_bits(space, 2ull << 30), 30);
    assert_int_equal(page_bits(space, 3ull << 30), 21);
    assert_int_equal(page_bits(space, (3ull << 30) + (1ull << 21)), 21);
    assert_int_equal(page_bits(space, (3ull << 30) + (2ull << 21)), 12);
    assert_int_equal(page_bits(space, (1ull << 30) + size), 0);
    // The two addresses must be aligned alike.
    assert_int_equal(map(16ull << 30, 1ull << 21, 1ull << 30, RWX), STATUS_OK);
    assert_int_equal(page_bits(space, 16ull << 30), 21);
    assert_int_equal(map(32ull << 30, 0x1000, 1ull << 21, RWX), STATUS_OK);
    assert_int_equal(page_bits(space, 32ull << 30), 12);
}

static void what_is_mapped_is_that_memory_with_those_rights(void **state) {
    (void)state;
    const unsigned valid[] = {RIGHT_R, RIGHT_X, RIGHT_R | RIGHT_W, RIGHT_R | RIGHT_X, RWX};
    for (unsigned i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        assert_int_equal(map(i * 0x1000ull, 0x7000, 0x1000, valid[i]), STATUS_OK);
        for (unsigned rights = 1; rights <= RWX; rights++) {
            assert_int_equal(is(i * 0x1000ull, 0x7000, 12, rights), rights == valid[i]);
        }
        assert_false(is(i * 0x1000ull, 0x8000, 12, valid[i]));
    }
}

static void rights_that_are_no_mapping_are_invalid(void **state) {
    (void)state;
    assert_int_equal(map(0, 0, 0x1000, 0), STATUS_INVALID);
    assert_int_equal(map(0, 0, 0x1000, RIGHT_W), STATUS_INVALID);
    assert_int_equal(map(0, 0, 0x1000, RIGHT_W | RIGHT_X), STATUS_INVALID);
    assert_int_equal(map(0, 0, 0x1000, RIGHT_R | RIGHT_MANAGE), STATUS_DENIED);
    assert_int_equal(map(0, 0, 0x1000, RIGHT_DEVICE), STATUS_DENIED);
    assert_int_equal(map(0, 0, 0x1000, RIGHT_R | 1ull << 7), STATUS_INVALID);
    assert_int_equal(map(0, 0, 0x1000, RIGHT_R | 1ull << 40), STATUS_INVALID);
    assert_int_equal(page_bits(world_space(task_space), 0), 0);
}

static void a_frame_allows_what_its_capability_says(void **state) {
    (void)state;
    for (unsigned have = 0; have <= RWX; have++) {
        grant(60 + have, have, 0, 0x1000);
        for (unsigned want = 1; want <= RWX; want++) {
            bool valid = !(want & RIGHT_W) || (want & RIGHT_R);
            enum status expected = (want & ~have) ? STATUS_DENIED
                                   : valid        ? STATUS_OK
                                                  : STATUS_INVALID;
            assert_int_equal(
                world_do(world.init, SYSCALL_MAP, task_space,
                         WORDS((have * 8 + want) * 0x1000ull, 60 + have, 0, 0x1000, want)),
                expected);
        }
    }
}

static void nothing_outside_of_the_frame_is_mapped(void **state) {
    (void)state;
    assert_int_equal(map(0, FRAME_SIZE, 0x1000, RIGHT_R), STATUS_RANGE);
    assert_int_equal(map(0, 0, FRAME_SIZE + 0x1000, RIGHT_R), STATUS_RANGE);
    assert_int_equal(map(0, 0x1000, FRAME_SIZE, RIGHT_R), STATUS_RANGE);
    assert_int_equal(map(0, UINT64_MAX - 0xfff, 0x1000, RIGHT_R), STATUS_RANGE);
    assert_int_equal(map(0, UINT64_MAX - 0xfff, 0x2000, RIGHT_R), STATUS_RANGE);
    assert_int_equal(map(0, 0x1000, UINT64_MAX - 0xfff, RIGHT_R), STATUS_RANGE);
    // A frame that is no whole pages long, or begins within one, maps no part of a page.
    grant(60, RWX, 0x1000, 0x1800);
    assert_int_equal(
        world_do(world.init, SYSCALL_MAP, task_space, WORDS(0, 60, 0x1000, 0x1000, RIGHT_R)),
        STATUS_RANGE);
    grant(61, RWX, 0x1800, 0x4000);
    assert_int_equal(
        world_do(world.init, SYSCALL_MAP, task_space, WORDS(0, 61, 0, 0x1000, RIGHT_R)),
        STATUS_INVALID);
    assert_int_equal(
        world_do(world.init, SYSCALL_MAP, task_space, WORDS(0, 61, 0x800, 0x1000, RIGHT_R)),
        STATUS_INVALID);
    assert_int_equal(page_bits(world_space(task_space), 0), 0);
}

static void crooked_addresses_are_invalid(void **state) {
    (void)state;
    assert_int_equal(map(1, 0, 0x1000, RIGHT_R), STATUS_INVALID);
    assert_int_equal(map(0, 1, 0x1000, RIGHT_R), STATUS_INVALID);
    assert_int_equal(map(0, 0, 0x1001, RIGHT_R), STATUS_INVALID);
}

static void addresses_that_the_space_does_not_have_are_out_of_range(void **state) {
    (void)state;
    const uint64_t limit = arch_space_limit(SPACE_TASK);
    assert_int_equal(map(limit, 0, 0x1000, RIGHT_R), STATUS_RANGE);
    assert_int_equal(map(UINT64_MAX - 0xfff, 0, 0x1000, RIGHT_R), STATUS_RANGE);
    assert_int_equal(map(UINT64_MAX - 0xfff, 0, 0x2000, RIGHT_R), STATUS_RANGE);
    // Up to its end, and no further; what was done is said.
    assert_int_equal(map(limit - 0x1000, 0, 0x2000, RIGHT_R), STATUS_RANGE);
    assert_int_equal(world_result(0), 0x1000);
    // A guest's has more.
    assert_int_equal(map_in(guest_space, limit, 0, 0x1000, RIGHT_R), STATUS_OK);
    assert_int_equal(map_in(guest_space, arch_space_limit(SPACE_GUEST), 0, 0x1000, RIGHT_R),
                     STATUS_RANGE);
}

static void nothing_is_mapped_over(void **state) {
    (void)state;
    assert_int_equal(map(0x3000, 0x3000, 0x1000, RIGHT_R), STATUS_OK);
    assert_int_equal(map(0x1000, 0x1000, 0x4000, RWX), STATUS_EXISTS);
    assert_int_equal(world_result(0), 0x2000);
    assert_true(is(0x2000, 0x2000, 12, RWX));
    assert_true(is(0x3000, 0x3000, 12, RIGHT_R));
    assert_false(is(0x4000, 0x4000, 12, RWX));
    // Nor a part of a larger page.
    assert_int_equal(map(1ull << 30, 0, 1ull << 30, RIGHT_R), STATUS_OK);
    assert_int_equal(map((1ull << 30) + 0x5000, 0x5000, 0x1000, RIGHT_R), STATUS_EXISTS);
    assert_int_equal(map((1ull << 30) + (1ull << 21), 0, 1ull << 21, RIGHT_R), STATUS_EXISTS);
    // Nor a larger page over a smaller one.
    assert_int_equal(map(0, 0, 2ull << 21, RIGHT_R), STATUS_EXISTS);
    assert_int_equal(world_result(0), 0);
    assert_int_equal(page_bits(world_space(task_space), 0), 0);
}

static void one_call_goes_so_many_pages_far_and_no_further(void **state) {
    (void)state;
    const uint64_t size = 2000 * 0x1000ull;
    uint64_t done = 0;
    while (done < size) {
        uint64_t left = size - done;
        assert_int_equal(map(0x1000 + done, done, left, RIGHT_R), STATUS_OK);
        assert_int_equal(world_result(0), left < SYSCALL_MAP_STEPS * 0x1000ull
                                              ? left
                                              : SYSCALL_MAP_STEPS * 0x1000ull);
        done += world_result(0);
    }
}

static void nothing_at_all_is_done_at_once(void **state) {
    (void)state;
    assert_int_equal(map(0, 0, 0, RIGHT_R), STATUS_OK);
    assert_int_equal(world_result(0), 0);
}

static void a_space_that_is_full_keeps_what_it_has(void **state) {
    (void)state;
    struct space *space = world_space(guest_space);
    uint64_t address = 0;
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        status = map_in(guest_space, address, 0, 0x1000, RIGHT_R);
        address += 1ull << 30; // two new tables each
    }
    assert_int_equal(status, STATUS_NO_MEMORY);
    assert_true(space->free < 2);
    for (uint64_t at = 0; at < address - (1ull << 30); at += 1ull << 30) {
        assert_int_equal(page_bits(space, at), 12);
    }
    // Pages that need no table can still be mapped; another space has its own tables.
    assert_int_equal(map_in(guest_space, 0x1000, 0, 0x1000, RIGHT_R), STATUS_OK);
    assert_int_equal(map_in(guest_space, 600ull << 30, 0, 1ull << 30, RIGHT_R), STATUS_OK);
    assert_int_equal(map(0, 0, 0x1000, RIGHT_R), STATUS_OK);
}

static void partial_progress_is_said(void **state) {
    (void)state;
    struct space *space = world_space(guest_space);
    // Tables for one region only: the second level and one last level.
    assert_int_equal(map_in(guest_space, 0, 0, 0x1000, RIGHT_R), STATUS_OK);
    uint64_t address = 1ull << 21;
    while (space->free) {
        assert_int_equal(map_in(guest_space, address, 0, 0x1000, RIGHT_R), STATUS_OK);
        address += 1ull << 21;
    }
    // The last 4 KiB pages of the first region, then a region without a table.
    assert_int_equal(map_in(guest_space, address - 0x2000, 0x1000, 0x4000, RIGHT_R),
                     STATUS_NO_MEMORY);
    assert_int_equal(world_result(0), 0x2000);
    assert_int_equal(page_bits(space, address - 0x1000), 12);
    assert_int_equal(page_bits(space, address), 0);
}

static void small_pages_far_and_near_are_never_mixed_up(void **state) {
    (void)state;
    // The space remembers its last table: each place must still be its own.
    const uint64_t places[] = {0, 1ull << 21, 1ull << 30, (1ull << 30) + (1ull << 21),
                               511ull << 30};
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            uint64_t address = places[i] + round * 0x1000ull;
            uint64_t offset = (i * 8 + round) * 0x1000ull;
            assert_int_equal(map(address, offset, 0x1000, RIGHT_R), STATUS_OK);
            assert_int_equal(map(address, offset, 0x1000, RIGHT_R), STATUS_EXISTS);
        }
    }
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            assert_true(
                is(places[i] + round * 0x1000ull, (i * 8 + round) * 0x1000ull, 12, RIGHT_R));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_largest_pages_that_fit_are_used),
        TEST(what_is_mapped_is_that_memory_with_those_rights),
        TEST(rights_that_are_no_mapping_are_invalid),
        TEST(a_frame_allows_what_its_capability_says),
        TEST(nothing_outside_of_the_frame_is_mapped),
        TEST(crooked_addresses_are_invalid),
        TEST(addresses_that_the_space_does_not_have_are_out_of_range),
        TEST(nothing_is_mapped_over),
        TEST(one_call_goes_so_many_pages_far_and_no_further),
        TEST(nothing_at_all_is_done_at_once),
        TEST(a_space_that_is_full_keeps_what_it_has),
        TEST(partial_progress_is_said),
        TEST(small_pages_far_and_near_are_never_mixed_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
