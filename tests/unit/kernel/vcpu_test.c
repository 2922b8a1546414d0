// vCPUs begin, end and begin again, and are looked at.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/kernel/world.h"

static struct server server;
static struct guest guest;
static struct vcpu *vcpu;

static int begin(void **state) {
    world_begin(state);
    server_make(&server, 0, 1);
    guest_make(&guest, &server, 0x42);
    vcpu = guest.vcpu[0];
    return 0;
}

static enum status control(unsigned number, const uint64_t *words) {
    return world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[number], words);
}

static void expect_state(unsigned number, enum vcpu_state state) {
    assert_int_equal(control(number, WORDS(VCPU_STATE)), STATUS_OK);
    assert_int_equal(world_result(0), state);
}

static void it_begins_where_it_is_told_with_its_two_arguments(void **state) {
    (void)state;
    world_sleep();
    assert_ptr_equal(machine.current, &vcpu->context);
    assert_int_equal(machine.regs.pc, WORLD_GUEST_PC);
    assert_int_equal(machine.regs.general[0], 100);
    assert_int_equal(machine.regs.general[1], 101);
    for (unsigned i = 2; i < REGS_GENERAL; i++) {
        assert_int_equal(machine.regs.general[i], 0);
    }
}

static void it_is_started_once(void **state) {
    (void)state;
    assert_int_equal(control(0, WORDS(VCPU_START, 1, 2, 3)), STATUS_BUSY);
    expect_state(0, VCPU_RUNNABLE);
    world_sleep();
    world_exit(vcpu, EXIT_SYSREG, WORDS(0));
    assert_int_equal(control(0, WORDS(VCPU_START, 1, 2, 3)), STATUS_BUSY);
    expect_state(0, VCPU_EXITED);
    world_run(server.task);
    world_reply(server.task, REPLY_FLAGS | REPLY_PARK, WORDS(0));
    assert_int_equal(control(0, WORDS(VCPU_START, 1, 2, 3)), STATUS_BUSY);
    expect_state(0, VCPU_PARKED);
    assert_int_equal(control(0, WORDS(VCPU_STOP)), STATUS_OK);
    expect_state(0, VCPU_OFF);
    assert_int_equal(control(0, WORDS(VCPU_START, 1, 2, 3)), STATUS_OK);
    expect_state(0, VCPU_RUNNABLE);
    assert_int_equal(world_result(1), 1);
}

static void stopped_in_any_state_it_starts_from_reset(void **state) {
    (void)state;
    for (unsigned what = 0; what < 6; what++) {
        world_sleep();
        world_enter(vcpu);
        for (unsigned i = 0; i < REGS_GENERAL; i++) {
            machine.regs.general[i] = 0x999;
        }
        machine_guest(vcpu)->pending = 7;
        machine_guest(vcpu)->enabled = 1;
        machine_guest(vcpu)->vector = 0x1234;
        switch (what) {
        case 0: // running when init wakes: ready
            break;
        case 1: // its exit is being served
            world_exit(vcpu, EXIT_SYSREG, WORDS(0));
            break;
        case 2: // the same, forwarded by the shortest way
            world_hypercall(vcpu, WORDS(0));
            break;
        case 3: // its exit stands in a queue
            world_run(world.init);
            world_do(world.init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
            trap_switch(&vcpu->context);
            world_exit(vcpu, EXIT_SYSREG, WORDS(0));
            break;
        case 4: // parked, with a deadline
            machine_guest(vcpu)->pending = 0;
            world_exit(vcpu, EXIT_IDLE, WORDS(0));
            world_reply(server.task, REPLY_FLAGS | REPLY_PARK | REPLY_DEADLINE,
                        WORDS(0, 0, machine.now + 5000));
            break;
        default: // off
            world_exit(vcpu, EXIT_IDLE, WORDS(0));
            world_reply(server.task, REPLY_FLAGS | REPLY_STOP, WORDS(0));
            break;
        }
        assert_int_equal(control(0, WORDS(VCPU_STOP)), STATUS_OK);
        assert_int_equal(control(0, WORDS(VCPU_STOP)), STATUS_OK); // no harm
        expect_state(0, VCPU_OFF);
        assert_null(vcpu->record.portal);
        while (server.task->state != TASK_WAITING) {
            world_run(server.task);
            world_reply(server.task, REPLY_FLAGS | MAY_ALL, WORDS(1, 2, 3, 4, 5, 6, 7, 8));
        }
        expect_state(0, VCPU_OFF);
        assert_int_equal(control(0, WORDS(VCPU_START, 0x3000, 5, 6)), STATUS_OK);
        world_sleep();
        world_enter(vcpu);
        assert_int_equal(machine.regs.pc, 0x3000);
        assert_int_equal(machine.regs.general[0], 5);
        assert_int_equal(machine.regs.general[1], 6);
        assert_int_equal(machine.regs.general[2], 0);
        assert_int_equal(machine_guest(vcpu)->pending, 0);
        assert_int_equal(machine_guest(vcpu)->enabled, 0);
        assert_int_equal(machine_guest(vcpu)->vector, 0);
        assert_int_equal(vcpu->deadline, DEADLINE_NEVER);
    }
}

static void the_number_of_its_exits_goes_on_over_a_restart(void **state) {
    (void)state;
    world_sleep();
    world_exit(vcpu, EXIT_SYSREG, WORDS(0));
    world_reply(server.task, REPLY_FLAGS | REPLY_STOP, WORDS(0));
    control(0, WORDS(VCPU_START, 0x3000));
    world_sleep();
    world_exit(vcpu, EXIT_SYSREG, WORDS(0));
    assert_int_equal(world_message().seq, 2);
}

static void each_vcpu_keeps_its_own_hardware_state(void **state) {
    (void)state;
    for (unsigned i = 1; i < GUEST_VCPUS; i++) {
        control(i, WORDS(VCPU_START, 0x1000ull * i));
    }
    world_sleep();
    for (unsigned i = 0; i < GUEST_VCPUS; i++) {
        world_enter(guest.vcpu[i]);
        machine.guest.vector = 0x100 + i;
        machine.regs.general[9] = 0x200 + i;
    }
    for (unsigned i = 0; i < 2 * GUEST_VCPUS; i++) {
        struct vcpu *one = guest.vcpu[i % GUEST_VCPUS];
        world_enter(one);
        assert_ptr_equal(world.cpu.loaded, one);
        assert_int_equal(machine.guest.vector, 0x100 + i % GUEST_VCPUS);
        assert_int_equal(machine.regs.general[9], 0x200 + i % GUEST_VCPUS);
        // It stays in the hardware while a server runs.
        world_exit(one, EXIT_SYSREG, WORDS(0));
        assert_ptr_equal(world.cpu.loaded, one);
        world_reply(server.task, REPLY_FLAGS, WORDS(0));
    }
}

static void a_task_with_the_right_sees_the_guest_whose_exit_it_serves_and_no_other(void **state) {
    (void)state;
    static struct guest second;
    static struct server reader;
    server_make(&reader, 0, 2);
    assert_int_equal(world_do(world.init, SYSCALL_TASK, reader.task_slot, WORDS(TASK_GUEST, 1)),
                     STATUS_OK);
    guest_make(&second, &reader, 0x43);
    guest_route(&guest, 0, EXIT_STAGE2, reader.portal_slot, 0x42, MAY_ALL, 0, 0);
    server_grant(&reader, 1, server.portal_slot, RIGHT_CALL, 0, 0);
    world_sleep();
    world_enter(second.vcpu[0]);
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    assert_ptr_equal(machine.current, &reader.task->context);
    assert_ptr_equal(machine.guest_memory, guest.space);
    assert_ptr_equal(world.cpu.loaded, vcpu);
    assert_int_equal(world_do(reader.task, SYSCALL_TASK, 0, WORDS(TASK_FETCH, 0x1000)), STATUS_OK);
    assert_int_equal(regs_word(&reader.task->context.regs, 0), 0x1000 ^ vcpu->number);
    assert_int_equal(world_do(reader.task, SYSCALL_TASK, 0, WORDS(TASK_FETCH, 0x1001)),
                     STATUS_NOT_FOUND);
    // Another task, on its behalf even, does not.
    world_call(reader.task, SYSCALL_CALL, 1, WORDS(0));
    assert_ptr_equal(machine.current, &server.task->context);
    assert_null(machine.guest_memory);
    assert_int_equal(world_do(server.task, SYSCALL_TASK, 0, WORDS(TASK_FETCH, 0x1000)),
                     STATUS_DENIED);
    world_reply(server.task, 0, WORDS(0));
    assert_ptr_equal(machine.guest_memory, guest.space);
    world_reply(reader.task, REPLY_FLAGS, WORDS(0));
    world_exit(second.vcpu[0], EXIT_STAGE2, WORDS(0));
    assert_ptr_equal(machine.guest_memory, second.space);
    world_reply(reader.task, REPLY_FLAGS, WORDS(0));
    // Nor while it serves no exit.
    world_run(world.init);
    world_do(world.init, SYSCALL_SIGNAL, reader.portal_slot, WORDS(0));
    world_run(reader.task);
    assert_null(machine.guest_memory);
    assert_int_equal(world_do(reader.task, SYSCALL_TASK, 0, WORDS(TASK_FETCH, 0x1000)),
                     STATUS_DENIED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_begins_where_it_is_told_with_its_two_arguments),
        TEST(it_is_started_once),
        TEST(stopped_in_any_state_it_starts_from_reset),
        TEST(the_number_of_its_exits_goes_on_over_a_restart),
        TEST(each_vcpu_keeps_its_own_hardware_state),
        TEST(a_task_with_the_right_sees_the_guest_whose_exit_it_serves_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
