// What a server is told of where the one before it died.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/fault.h"
#include "tests/unit/init/world.h"

static uint64_t number(const struct body *body, const char *name) {
    const struct config_entry *entry = world_config(body, name);
    assert_non_null(entry);
    assert_int_equal(entry->kind, CONFIG_NUMBER);
    return entry->address;
}

static void die_at(uint64_t pc, uint64_t word) {
    struct core_task *task = world_task(WORLD_WORKER);
    world_exit(WORLD_WORKER, EXIT_HYPERCALL, WORLD_VM_A, 1);
    task->state = TASK_READY;
    task->a0 = word;
    core_task_dies(task, FAULT_MEMORY, pc, 0);
    core_turns();
}

static void test_death_is_kept_until_one_has_taken_over(void **state) {
    (void)state;
    const struct server *server = &init.server[WORLD_WORKER];
    assert_int_equal(number(server->body, "death-pc"), 0);
    die_at(0x10200, 'x');
    assert_int_equal(number(server->body, "death-pc"), 0x10200);
    assert_int_equal(number(server->body, "death-word"), 'x');
    die_at(0x10300, 'y'); // early: what the first left is what matters
    assert_int_equal(number(server->body, "death-pc"), 0x10200);
    assert_int_equal(number(server->body, "death-word"), 'x');
    world_begin(WORLD_WORKER);
    die_at(0x10400, 'z');
    assert_int_equal(number(server->body, "death-pc"), 0x10400);
    assert_int_equal(number(server->body, "death-word"), 'z');
    assert_null(world_config(server->body, "standby"));
}

// Where one that waited would have gone on is not where it last was.
static void test_death_of_one_that_waited(void **state) {
    (void)state;
    struct core_task *task = world_task(WORLD_WORKER);
    uint64_t entry = task->receive_pc;
    assert_int_equal(task->state, TASK_WAITING);
    task->pc = 0x10200;
    assert_int_equal(world_call(world_task(WORLD_MONITOR), INIT_KILL, WORLD_WORKER, 0), STATUS_OK);
    assert_int_equal(number(init.server[WORLD_WORKER].body, "death-pc"), entry);
    assert_int_not_equal(entry, 0x10200);
}

static void test_a_standby_repairs_nothing(void **state) {
    (void)state;
    const struct server *server = &init.server[WORLD_WORKER];
    struct core_task *monitor = world_task(WORLD_MONITOR);
    die_at(0x10200, 'x');
    // The one that has something to repair must have done so before.
    assert_int_equal(world_call(monitor, INIT_REPLACE, WORLD_WORKER, 0), STATUS_BUSY);
    world_begin(WORLD_WORKER);
    assert_int_equal(world_call(monitor, INIT_REPLACE, WORLD_WORKER, 0), STATUS_OK);
    assert_int_equal(number(init.spare, "standby"), 1);
    assert_null(world_config(init.spare, "death-pc"));
    assert_int_equal(number(init.spare, "death-word"), 0);
    const struct config *config = memory_see(init.spare->config.physical);
    const struct config *other = memory_see(server->body->config.physical);
    assert_int_equal(config->count, other->count); // what fits once fits always
}

#define TEST(name) cmocka_unit_test_setup(name, world_setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_death_is_kept_until_one_has_taken_over),
        TEST(test_death_of_one_that_waited),
        TEST(test_a_standby_repairs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
