// Whom init believes what, and how the machine ends.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

static uint64_t tell(unsigned server, uint64_t op, uint64_t vm, uint64_t word2) {
    return world_call(world_task(server), op, vm, word2);
}

static void test_of_its_guests_alone_can_a_server_tell(void **state) {
    (void)state;
    const uint64_t ops[] = {INIT_VM_END, INIT_VM_REPORT};
    for (unsigned i = 0; i < 2; i++) {
        world_setup(NULL);
        assert_int_equal(tell(WORLD_ONLY_B, ops[i], WORLD_VM_A, 0), STATUS_NOT_FOUND);
        assert_int_equal(tell(WORLD_CONSOLE, ops[i], WORLD_VM_A, 0), STATUS_NOT_FOUND);
        assert_int_equal(tell(WORLD_MONITOR, ops[i], WORLD_VM_B, 0), STATUS_NOT_FOUND);
        assert_int_equal(tell(WORLD_WORKER, ops[i], 8, 0), STATUS_NOT_FOUND);
        assert_int_equal(tell(WORLD_WORKER, ops[i], 0, 0), STATUS_NOT_FOUND);
        expect_running(true, true);
        assert_int_equal(tell(WORLD_ONLY_B, ops[i], WORLD_VM_B, 0), STATUS_OK);
        expect_running(true, false);
        assert_int_equal(vm_state(1), i == 0 ? VM_ENDED : VM_FAILED);
        unsigned lines = core_lines;
        assert_int_equal(tell(WORLD_WORKER, ops[i], WORLD_VM_B, VM_END_REBOOT), STATUS_OK);
        assert_int_equal(core_lines, lines);                          // told twice, said once
        assert_int_equal(vm_state(1), i == 0 ? VM_ENDED : VM_FAILED); // as it was
    }
}

static void test_ends_that_are_failures(void **state) {
    (void)state;
    const uint64_t word[MESSAGE_WORDS] = {INIT_VM_END, WORLD_VM_A, VM_END_SHUTDOWN, 1};
    core_task_calls(world_task(WORLD_WORKER), word);
    core_turns();
    assert_int_equal(vm_state(0), VM_FAILED);
    assert_non_null(core_find_line("reason: system failure"));
    assert_int_equal(tell(WORLD_WORKER, INIT_VM_END, WORLD_VM_B, VM_END_REBOOT), STATUS_OK);
    assert_int_equal(vm_state(1), VM_FAILED);
    assert_non_null(core_find_line("Hypervisor: 2 of 2 VMs failed"));
}

static void test_the_machine_ends_when_the_console_is_done(void **state) {
    (void)state;
    tell(WORLD_WORKER, INIT_VM_END, WORLD_VM_A, VM_END_SHUTDOWN);
    tell(WORLD_CONSOLE, INIT_DRAINED, 0, 0);
    assert_false(core.ended); // one still runs
    uint32_t told = world_portal(WORLD_CONSOLE)->signals_ever;
    tell(WORLD_WORKER, INIT_VM_END, WORLD_VM_B, VM_END_SHUTDOWN);
    assert_non_null(core_find_line("Hypervisor ok!"));
    assert_int_equal(world_portal(WORLD_CONSOLE)->signals_ever, told + 1);
    tell(WORLD_WORKER, INIT_DRAINED, 0, 0);
    assert_false(core.ended);
    tell(WORLD_CONSOLE, INIT_DRAINED, 0, 0);
    assert_true(core.ended);
    assert_int_equal(core.end, 0);
}

static void test_monitor_calls_of_others_are_denied(void **state) {
    (void)state;
    for (unsigned i = 0; i < WORLD_SERVERS; i++) {
        for (uint64_t op = INIT_LOOK; i != WORLD_MONITOR && op <= INIT_TRACE; op++) {
            uint64_t status = init.manifest.server[i].calls >> MANIFEST_INIT & 1
                                  ? tell(i, op, WORLD_WORKER, 0)
                                  : STATUS_DENIED;
            assert_int_equal(status, STATUS_DENIED);
        }
        assert_int_equal(init.server[i].restarts, 0);
    }
    assert_null(world_spare_task());
    assert_int_equal(tell(WORLD_MONITOR, INIT_COUNT, 0, 0), STATUS_INVALID);
    assert_int_equal(tell(WORLD_MONITOR, UINT64_MAX, 0, 0), STATUS_INVALID);
    assert_int_equal(tell(WORLD_MONITOR, INIT_KILL, WORLD_SERVERS, 0), STATUS_RANGE);
    assert_int_equal(tell(WORLD_MONITOR, INIT_REPLACE, UINT64_MAX, 0), STATUS_RANGE);
}

// A new version is nobody yet, even that of the monitor or of a server with guests.
static void test_a_standby_can_only_begin(void **state) {
    (void)state;
    const unsigned servers[] = {WORLD_WORKER, WORLD_MONITOR};
    for (unsigned i = 0; i < 2; i++) {
        world_setup(NULL);
        assert_int_equal(tell(WORLD_MONITOR, INIT_REPLACE, servers[i], 0), STATUS_OK);
        struct core_task *task = world_spare_task();
        for (uint64_t op = INIT_VM_END; op < INIT_COUNT; op++) {
            assert_int_equal(world_call(task, op, i == 0 ? WORLD_VM_A : WORLD_CONSOLE, 0),
                             STATUS_DENIED);
        }
        expect_running(true, true);
        assert_int_equal(init.server[WORLD_CONSOLE].restarts, 0);
    }
}

static void test_badges_out_of_range_do_nothing(void **state) {
    (void)state;
    static struct core core_before;
    static struct init init_before;
    const enum exit_class classes[] = {EXIT_CALL, EXIT_FAULT, EXIT_SIGNAL, EXIT_HYPERCALL};
    core_before = core;
    init_before = init;
    for (uint64_t badge = WORLD_SERVERS; badge < 0x200; badge++) {
        badge += badge == 0x100 ? WORLD_SERVERS : 0; // the other side's, of servers that exist
        for (unsigned i = 0; i < 4; i++) {
            for (uint64_t op = 0; op < INIT_COUNT; op++) {
                struct message message = {.info = MESSAGE_INFO(classes[i], 0, 0), .badge = badge};
                struct reply reply = {0};
                message.word[0] = op;
                message.word[1] = WORLD_VM_A;
                init_handle(NULL, &message, &reply);
                assert_int_equal(reply.word[0], 0);
            }
        }
    }
    assert_memory_equal(&core, &core_before, sizeof(core));
    assert_memory_equal(&init, &init_before, sizeof(init));
}

#define TEST(name) cmocka_unit_test_setup(name, world_setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_of_its_guests_alone_can_a_server_tell),
        TEST(test_ends_that_are_failures),
        TEST(test_the_machine_ends_when_the_console_is_done),
        TEST(test_monitor_calls_of_others_are_denied),
        TEST(test_a_standby_can_only_begin),
        TEST(test_badges_out_of_range_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
