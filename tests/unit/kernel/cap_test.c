// Capabilities: what a task can't name, it can't touch.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/kernel/world.h"

static void init_has_what_boot_says_and_no_more(void **state) {
    (void)state;
    const struct cap *cap = world.init->cap;
    assert_int_equal(cap[0].type, OBJECT_NONE);
    assert_int_equal(cap[INIT_SLOT_POOL].type, OBJECT_POOL);
    assert_int_equal(cap[INIT_SLOT_TASK].type, OBJECT_TASK);
    assert_int_equal(cap[INIT_SLOT_SPACE].type, OBJECT_SPACE);
    assert_int_equal(cap[INIT_SLOT_LOW].size, MACHINE_MEMORY_BASE);
    assert_int_equal(cap[INIT_SLOT_BUNDLE].rights, RIGHT_R | RIGHT_X | RIGHT_GRANT);
    assert_int_equal(cap[INIT_SLOT_HIGH].base + cap[INIT_SLOT_HIGH].size, ARCH_PHYSICAL_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(init_has_what_boot_says_and_no_more, world_begin,
                                        world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
