// What init does about deaths.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/fault.h"
#include "tests/unit/init/world.h"

static enum vm_state vm_state(unsigned index) { return init.vm[index].state; }

static uint8_t vcpu_state(unsigned vm, unsigned number) {
    return core_vcpu_at(SLOT_VM(vm) + VM_SLOT_VCPU + number)->state;
}

static void expect_running(bool a, bool b) {
    assert_int_equal(vm_state(0) == VM_RUNNING, a);
    assert_int_equal(vm_state(1) == VM_RUNNING, b);
    assert_int_equal(vcpu_state(0, 0) == VCPU_RUNNABLE, a);
    assert_int_equal(vcpu_state(1, 0) == VCPU_RUNNABLE, b);
    assert_int_equal(vcpu_state(1, 1) == VCPU_RUNNABLE, b);
}

// SERVER dies on what it serves, or before that; the next one is there and has taken over.
static void die_and_begin(unsigned server) {
    world_fault(server);
    world_begin(server);
}

static void die_early(unsigned server, unsigned times) {
    for (unsigned i = 0; i < times; i++) {
        world_fault(server);
    }
}

// --- what three have died on

static void test_three_deaths_on_an_exit_stop_its_vm(void **state) {
    (void)state;
    world_exit(WORLD_WORKER, EXIT_HYPERCALL, WORLD_VM_A, 41);
    world_exit(WORLD_WORKER, EXIT_TIMER, WORLD_VM_B, 5);
    die_and_begin(WORLD_WORKER);
    die_and_begin(WORLD_WORKER);
    expect_running(true, true);
    assert_null(core_find_line("the VM is stopped"));
    die_and_begin(WORLD_WORKER);
    expect_running(false, true);
    assert_int_equal(vm_state(0), VM_FAILED);
    assert_non_null(
        core_find_line("VM a: 3 servers died on its exit 41 (HYPERCALL): the VM is stopped"));
    assert_int_equal(world_task(WORLD_WORKER)->serving.badge, WORLD_VM_B);
    assert_false(init.server[WORLD_WORKER].given_up);
    die_and_begin(WORLD_WORKER); // that one's first
    expect_running(false, true);
}

static void send_call(uint64_t badge) {
    const struct core_record call = {.c = EXIT_CALL, .task = CORE_NONE, .seq = 3, .badge = badge};
    core_send(SLOT_SERVER(WORLD_WORKER) + SERVER_SLOT_PORTAL, &call);
}

static void test_three_deaths_on_a_call_end_the_caller(void **state) {
    (void)state;
    send_call(WORLD_ONLY_B + 1);
    die_and_begin(WORLD_WORKER);
    die_and_begin(WORLD_WORKER);
    assert_int_equal(init.server[WORLD_ONLY_B].restarts, 0);
    die_and_begin(WORLD_WORKER);
    assert_int_equal(init.server[WORLD_ONLY_B].restarts, 1);
    assert_int_equal(world_task(WORLD_ONLY_B)->state, TASK_READY);
    assert_non_null(core_find_line("server only-b: three died on a call of its: it is ended too"));
    assert_non_null(core_find_line("server only-b died: it was killed"));
    assert_int_equal(init.server[WORLD_WORKER].restarts, 3);
    for (unsigned i = 0; i < WORLD_SERVERS; i++) {
        assert_int_equal(init.server[i].restarts != 0, i == WORLD_WORKER || i == WORLD_ONLY_B);
    }
    expect_running(true, true);
}

static void test_a_call_of_nobody_ends_nobody(void **state) {
    (void)state;
    const uint64_t badges[] = {0, WORLD_SERVERS + 1, UINT64_MAX};
    for (unsigned i = 0; i < 3; i++) {
        world_setup(NULL);
        send_call(badges[i]);
        for (unsigned n = 0; n < 3; n++) {
            die_and_begin(WORLD_WORKER);
        }
        assert_null(core_find_line("three died on a call"));
        assert_int_equal(init.server[WORLD_WORKER].restarts, 3);
    }
}

// The next one does not get further than that record.
static void die_and_take_over(unsigned server) {
    world_fault(server);
    world_ready(world_task(server), WORLD_VERSION);
    (void)world_call(world_task(server), INIT_TAKEN, 0, 0);
}

static void send_from_nobody(enum exit_class c) {
    const struct core_record record = {.c = (uint8_t)c, .task = CORE_NONE};
    core_send(SLOT_SERVER(WORLD_ONLY_B) + SERVER_SLOT_PORTAL, &record);
}

static void test_three_deaths_on_an_interrupt_or_a_signal_end_the_server(void **state) {
    (void)state;
    const enum exit_class classes[] = {EXIT_IRQ, EXIT_SIGNAL};
    for (unsigned i = 0; i < 2; i++) {
        world_setup(NULL);
        send_from_nobody(classes[i]);
        die_and_take_over(WORLD_ONLY_B);
        die_and_take_over(WORLD_ONLY_B);
        assert_false(init.server[WORLD_ONLY_B].given_up);
        world_fault(WORLD_ONLY_B);
        assert_true(init.server[WORLD_ONLY_B].given_up);
        assert_non_null(core_find_line("three of them died on this one: it is not started again"));
        expect_running(true, false);
    }
}

// --- servers that can't be kept alive

static void test_three_early_deaths_give_a_server_up(void **state) {
    (void)state;
    world_fault(WORLD_ONLY_B); // that one had begun
    die_early(WORLD_ONLY_B, 2);
    assert_false(init.server[WORLD_ONLY_B].given_up);
    expect_running(true, true);
    die_early(WORLD_ONLY_B, 1);
    assert_true(init.server[WORLD_ONLY_B].given_up);
    assert_int_equal(world_task(WORLD_ONLY_B)->state, TASK_DEAD);
    expect_running(true, false); // a does not need it
    assert_non_null(core_find_line("VM b: can't go on without its server only-b"));
    assert_non_null(core_find_line("three in a row died before they served anything"));
    assert_false(core.ended);
}

// To receive its first record is not to serve yet.
static void test_deaths_while_taking_over_are_early(void **state) {
    (void)state;
    world_exit(WORLD_ONLY_B, EXIT_IDLE, WORLD_VM_B, 1);
    for (unsigned i = 0; i < 4; i++) {
        assert_false(init.server[WORLD_ONLY_B].given_up);
        assert_true(world_task(WORLD_ONLY_B)->serves);
        world_fault(WORLD_ONLY_B);
        if (i < 3) {
            world_ready(world_task(WORLD_ONLY_B), WORLD_VERSION);
        }
    }
    assert_true(init.server[WORLD_ONLY_B].given_up);
    assert_non_null(core_find_line("three in a row died before they served anything"));
}

static void test_one_that_has_taken_over_ends_the_row(void **state) {
    (void)state;
    world_fault(WORLD_WORKER);
    die_early(WORLD_WORKER, 2);
    world_begin(WORLD_WORKER);
    assert_int_equal(init.server[WORLD_WORKER].early_deaths, 0);
    world_fault(WORLD_WORKER);
    die_early(WORLD_WORKER, 2);
    assert_false(init.server[WORLD_WORKER].given_up);
    die_early(WORLD_WORKER, 1);
    assert_true(init.server[WORLD_WORKER].given_up);
    expect_running(false, false);
}

// One that does not call init has begun when it has come to receive.
static void test_one_that_tells_nothing(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        die_and_begin(WORLD_PAGER);
    }
    for (unsigned i = 0; i < 2; i++) {
        world_fault(WORLD_PAGER);
        die_early(WORLD_PAGER, 2);
        world_begin(WORLD_PAGER);
    }
    assert_false(init.server[WORLD_PAGER].given_up);
    world_fault(WORLD_PAGER);
    die_early(WORLD_PAGER, 3);
    assert_true(init.server[WORLD_PAGER].given_up);
    expect_running(false, false);
}

static void test_a_loader_is_needed_while_loading(void **state) {
    (void)state;
    init.vm[1].state = VM_LOADING;
    world_fault(WORLD_LOADER);
    die_early(WORLD_LOADER, 3);
    assert_int_equal(vm_state(0), VM_RUNNING);
    assert_int_equal(vm_state(1), VM_FAILED);
}

static void test_without_a_console_the_machine_ends(void **state) {
    (void)state;
    world_fault(WORLD_CONSOLE);
    die_early(WORLD_CONSOLE, 3);
    assert_true(core.ended);
    assert_int_equal(core.end, 1);
}

static void test_the_monitor_is_told_that_one_is_given_up(void **state) {
    (void)state;
    struct core_task *monitor = world_task(WORLD_MONITOR);
    uint32_t told = world_portal(WORLD_MONITOR)->signals_ever;
    assert_int_equal(world_call(monitor, INIT_KILL, WORLD_ONLY_B, 0), STATUS_OK);
    die_early(WORLD_ONLY_B, 2);
    assert_int_equal(world_portal(WORLD_MONITOR)->signals_ever, told);
    die_early(WORLD_ONLY_B, 1);
    assert_int_equal(world_portal(WORLD_MONITOR)->signals_ever, told + 1);
    assert_int_equal(world_call(monitor, INIT_KILL, WORLD_ONLY_B, 0), STATUS_BUSY);
    assert_int_equal(world_call(monitor, INIT_REPLACE, WORLD_ONLY_B, 0), STATUS_UNSUPPORTED);
}

static void test_the_monitor_is_told_when_the_next_one_serves(void **state) {
    (void)state;
    struct core_task *monitor = world_task(WORLD_MONITOR);
    uint32_t told = world_portal(WORLD_MONITOR)->signals_ever;
    assert_int_equal(world_call(monitor, INIT_KILL, WORLD_WORKER, 0), STATUS_OK);
    assert_int_equal(init.server[WORLD_WORKER].restarts, 1);
    world_ready(world_task(WORLD_WORKER), WORLD_VERSION);
    assert_int_equal(world_portal(WORLD_MONITOR)->signals_ever, told);
    world_taken(world_task(WORLD_WORKER));
    assert_int_equal(world_portal(WORLD_MONITOR)->signals_ever, told + 1);
    die_and_begin(WORLD_WORKER); // nobody has asked for that
    assert_int_equal(world_portal(WORLD_MONITOR)->signals_ever, told + 1);
}

#define TEST(name) cmocka_unit_test_setup(name, world_setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_three_deaths_on_an_exit_stop_its_vm),
        TEST(test_three_deaths_on_a_call_end_the_caller),
        TEST(test_a_call_of_nobody_ends_nobody),
        TEST(test_three_deaths_on_an_interrupt_or_a_signal_end_the_server),
        TEST(test_three_early_deaths_give_a_server_up),
        TEST(test_deaths_while_taking_over_are_early),
        TEST(test_one_that_has_taken_over_ends_the_row),
        TEST(test_one_that_tells_nothing),
        TEST(test_a_loader_is_needed_while_loading),
        TEST(test_without_a_console_the_machine_ends),
        TEST(test_the_monitor_is_told_that_one_is_given_up),
        TEST(test_the_monitor_is_told_when_the_next_one_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
