// Single ways through replacements, step by step.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/init/explore.h"

static uint64_t outcome(void) {
    uint64_t word[MESSAGE_WORDS];
    replace_outcome(word);
    return word[1];
}

static void all_is_well(void) {
    const char *wrong = explore_wrong_at_rest();
    if (wrong) {
        fail_msg("%s", wrong);
    }
}

static void replace_and_drain(enum explore_event event, uint32_t version) {
    explore_do(event);
    explore_drain();
    assert_int_equal(outcome(), MONITOR_REPLACED);
    assert_int_equal(world_version(world_task(WORLD_WORKER)->entry), version);
    all_is_well();
}

// Two buffers are enough for any number of files, and the one from the bundle needs none.
static void test_two_buffers_for_all_files(void **state) {
    (void)state;
    explore_start();
    replace_and_drain(EXPLORE_REPLACE_AGAIN, WORLD_VERSION);
    assert_int_equal(init.spare_file.size, 0);
    uint64_t room = memory_room();
    for (unsigned i = 0; i < 5; i++) {
        replace_and_drain(EXPLORE_REPLACE_SAME, WORLD_VERSION);
        replace_and_drain(EXPLORE_REPLACE_AGAIN, WORLD_VERSION);
        replace_and_drain(EXPLORE_REPLACE_AGAIN, WORLD_VERSION);
    }
    replace_and_drain(EXPLORE_REPLACE_NEWER, WORLD_VERSION + 1);
    replace_and_drain(EXPLORE_REPLACE_AGAIN, WORLD_VERSION + 1);
    assert_int_equal(room - memory_room(), 2 * init.buffer.size);
    assert_int_equal(init.server[WORLD_WORKER].replacements, 18);
}

// One that is too old is refused when it says so: the old one has not stopped to serve.
static void test_an_older_one_never_gets_the_portal(void **state) {
    (void)state;
    explore_start();
    struct core_task *old = world_task(WORLD_WORKER);
    uint32_t told = world_portal(WORLD_WORKER)->signals_ever;
    explore_do(EXPLORE_REPLACE_OLDER);
    explore_drain();
    assert_int_equal(outcome(), MONITOR_REFUSED);
    assert_int_equal(world_portal(WORLD_WORKER)->signals_ever, told); // each BIND comes with one
    assert_ptr_equal(world_task(WORLD_WORKER), old);
    assert_non_null(core_find_line("its state is of version 5, the new one understands 4"));
    all_is_well();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_buffers_for_all_files),
        cmocka_unit_test(test_an_older_one_never_gets_the_portal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
