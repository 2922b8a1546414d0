// How the first task begins.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/space.h"
#include "kernel/mem/pagetable.h"
#include "kernel/object/pool.h"
#include "tests/unit/kernel/world.h"

#define BUNDLE (MACHINE_MEMORY_BASE + WORLD_CORE_BYTES)

static void init_is_mapped_from_the_bundle_with_its_rights(void **state) {
    (void)state;
    const struct space *space = world.init->space;
    assert_true(
        pagetable_is(space, SPACE_ADDR(0x1000), HPA(BUNDLE + 0x1000), 12, RIGHT_R | RIGHT_X));
    assert_true(
        pagetable_is(space, SPACE_ADDR(0x2000), HPA(BUNDLE + 0x2000), 12, RIGHT_R | RIGHT_W));
    assert_true(
        pagetable_is(space, SPACE_ADDR(0x3000), HPA(BUNDLE + 0x3000), 12, RIGHT_R | RIGHT_W));
    // Nothing else: not the bundle's header, nothing of the core.
    unsigned mapped = 0;
    for (uint64_t page = 0; page < 0x100; page++) {
        for (unsigned rights = 1; rights < 8; rights++) {
            for (uint64_t target = MACHINE_MEMORY_BASE; target < BUNDLE + 0x4000;
                 target += 0x1000) {
                mapped += pagetable_is(space, SPACE_ADDR(page << 12), HPA(target), 12, rights);
            }
        }
    }
    assert_int_equal(mapped, 3);
}

static void init_is_told_what_there_is(void **state) {
    (void)state;
    // world_begin has used the registers since: boot once more, and look at once.
    world_begin_pages(300);
    const struct cap *high = &world.init->cap[INIT_SLOT_HIGH];
    assert_int_equal(pool.count, 300);
    assert_int_equal(world.first_free, pool_index(world.init) + 8);
    assert_int_equal(high->base, arch_virt_to_phys(pool.base).v + 300 * PAGE_SIZE);
    assert_int_equal(world.booted.pc, 0x1000);
    const uint64_t words[] = {
        BUNDLE, 0x4000, 11, 12, 13, 300, world.first_free, high->base,
    };
    assert_memory_equal(world.booted.general, words, sizeof(words));
    for (unsigned i = MESSAGE_WORDS; i < REGS_GENERAL; i++) {
        assert_int_equal(world.booted.general[i], 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(init_is_mapped_from_the_bundle_with_its_rights),
        TEST(init_is_told_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
