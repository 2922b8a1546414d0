// Where VMs' memory lies in the machine's: so that the largest pages can serve it, if there is
// room.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/init/world.h"

#define MEGA (1ull << 20)
#define GIGA (1ull << 30)
#define BEGIN (0x80000000ull + 20 * MEGA) // behind the core and all that init has

// The only memory that is free, and VMs with a region each.
static void machine(uint64_t size, unsigned vms, const struct manifest_range *region) {
    memset(&init, 0, sizeof(init));
    init.free[0] = (struct manifest_range){BEGIN, size};
    init.free_count = 1;
    init.manifest.vm_count = vms;
    for (unsigned i = 0; i < vms; i++) {
        init.manifest.vm[i].memory_count = 1;
        init.manifest.vm[i].memory[0].guest = region[i];
    }
    vm_place_all();
}

static uint64_t place(unsigned vm) { return init.vm[vm].span[0].physical; }

static void expect_free(uint64_t size) { assert_int_equal(memory_room(), size); }

static void test_gigapages(void **state) {
    (void)state;
    const struct manifest_range region[] = {{2 * GIGA, GIGA + 2 * MEGA}, {2 * GIGA, 512 * MEGA}};
    uint64_t size = 4 * GIGA + 2 * MEGA - BEGIN;
    machine(size, 2, region);
    assert_int_equal(place(0), 3 * GIGA);
    // Behind it there is nothing; what lies before it is not lost.
    assert_in_range(place(1), BEGIN, 3 * GIGA - 512 * MEGA);
    assert_int_equal(place(1) % (2 * MEGA), 0);
    expect_free(size - GIGA - 2 * MEGA - 512 * MEGA);
}

static void test_no_room_for_gigapages(void **state) {
    (void)state;
    const struct manifest_range region[] = {{2 * GIGA, GIGA}, {2 * GIGA, GIGA}};
    machine(2 * GIGA + 40 * MEGA, 2, region);
    assert_int_equal(place(0), BEGIN);
    assert_int_equal(place(1), BEGIN + GIGA);
    expect_free(40 * MEGA);
}

// It goes where the guest has it, modulo the page, or no such page can serve.
static void test_guest_address(void **state) {
    (void)state;
    const struct manifest_range region[] = {{2 * GIGA + 2 * MEGA, GIGA},
                                            {2 * GIGA + 4096, GIGA},
                                            {2 * GIGA, GIGA - 4096},
                                            {2 * GIGA, 4096}};
    machine(8 * GIGA, 4, region);
    assert_int_equal(place(0), BEGIN);
    assert_int_equal(place(1), BEGIN + GIGA);
    assert_int_equal(place(2), BEGIN + 2 * GIGA);
    assert_int_equal(place(3), BEGIN + 3 * GIGA - 4096);
}

static void test_regions_that_touch(void **state) {
    (void)state;
    const struct manifest_range region[] = {{2 * GIGA, 512 * MEGA}};
    machine(0, 0, region);
    init.free[0] = (struct manifest_range){BEGIN, 3 * GIGA};
    init.free_count = 1;
    init.manifest.vm_count = 1;
    struct manifest_vm *vm = &init.manifest.vm[0];
    vm->memory_count = 3;
    vm->memory[0].guest = (struct manifest_range){2 * GIGA, 512 * MEGA};
    vm->memory[1].guest = (struct manifest_range){2 * GIGA + 512 * MEGA, 512 * MEGA};
    vm->memory[2].guest = (struct manifest_range){4 * GIGA, 2 * MEGA};
    vm_place_all();
    assert_int_equal(init.vm[0].span_count, 2);
    assert_int_equal(place(0), 3 * GIGA);
    assert_int_equal(init.vm[0].span[1].physical, 4 * GIGA);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gigapages),
        cmocka_unit_test(test_no_room_for_gigapages),
        cmocka_unit_test(test_guest_address),
        cmocka_unit_test(test_regions_that_touch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
