// Who runs: tasks before guests, each kind in turn, a tick each.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/tick.h"
#include "tests/unit/kernel/world.h"

static struct server a, b;
static struct guest guest;

static int begin(void **state) {
    world_begin(state);
    server_make(&a, 0, 1);
    server_make(&b, 0, 2);
    guest_make(&guest, &a, 0x42);
    for (unsigned i = 1; i < GUEST_VCPUS; i++) {
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[i], WORDS(VCPU_START, 0x1000ull * i));
    }
    return 0;
}

static void wake(const struct server *server) {
    assert_int_equal(world_do(world.init, SYSCALL_SIGNAL, server->portal_slot, WORDS(0)),
                     STATUS_OK);
}

static void tasks_run_before_guests_in_the_order_they_became_ready(void **state) {
    (void)state;
    wake(&b);
    wake(&a);
    world_sleep();
    assert_ptr_equal(machine.current, &b.task->context);
    assert_ptr_equal(world_reply(b.task, 0, WORDS(0)), &a.task->context);
    assert_ptr_equal(world_reply(a.task, 0, WORDS(0)), &guest.vcpu[0]->context);
}

static void guests_take_turns_by_ticks(void **state) {
    (void)state;
    world_sleep();
    for (unsigned i = 0; i < 3 * GUEST_VCPUS; i++) {
        assert_ptr_equal(machine.current, &guest.vcpu[i % GUEST_VCPUS]->context);
        world_time(machine.now + ARCH_TICK / 2); // not in the middle of one
        assert_true(machine.now < world.cpu.next_tick);
        assert_ptr_equal(machine.current, &guest.vcpu[i % GUEST_VCPUS]->context);
        world_ticks(1);
    }
}

static void tasks_take_turns_by_ticks(void **state) {
    (void)state;
    wake(&a);
    wake(&b);
    world_sleep();
    for (unsigned i = 0; i < 6; i++) {
        assert_ptr_equal(machine.current, i % 2 ? &b.task->context : &a.task->context);
        world_ticks(1);
    }
}

static void a_guest_goes_on_when_its_exit_is_answered(void **state) {
    (void)state;
    world_sleep();
    for (unsigned i = 0; i < 10; i++) {
        world_exit(guest.vcpu[0], EXIT_SYSREG, WORDS(0));
        assert_ptr_equal(world_reply(a.task, REPLY_FLAGS, WORDS(0)), &guest.vcpu[0]->context);
    }
}

static void a_guest_that_is_preempted_keeps_its_turn(void **state) {
    (void)state;
    world_sleep();
    assert_ptr_equal(machine.current, &guest.vcpu[0]->context);
    wake(&b); // init was woken, and did it
    world_sleep();
    assert_ptr_equal(machine.current, &b.task->context);
    assert_ptr_equal(world_reply(b.task, 0, WORDS(0)), &guest.vcpu[0]->context);
}

static void an_answer_lets_ready_tasks_go_first(void **state) {
    (void)state;
    world_sleep();
    world_exit(guest.vcpu[0], EXIT_SYSREG, WORDS(0));
    wake(&b);
    world_sleep();
    world_run(a.task);
    assert_ptr_equal(world_reply(a.task, REPLY_FLAGS, WORDS(0)), &b.task->context);
    assert_ptr_equal(world_reply(b.task, 0, WORDS(0)), &guest.vcpu[0]->context);
}

static void nobody_ready_means_sleep_and_ticks_go_on(void **state) {
    (void)state;
    for (unsigned i = 0; i < GUEST_VCPUS; i++) {
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[i], WORDS(VCPU_STOP));
    }
    world_sleep();
    assert_null(machine.current);
    assert_null(world_ticks(10));
    assert_int_equal(world.cpu.next_tick, machine.now + ARCH_TICK);
    assert_ptr_equal(world_line(WORLD_WAKE_LINE), &world.init->context);
}

static void missed_ticks_are_not_made_up_for(void **state) {
    (void)state;
    machine.now = 50 * ARCH_TICK + 3;
    world_time(machine.now);
    assert_int_equal(world.cpu.next_tick, 51 * ARCH_TICK + 3);
}

// A guest can know when the tick comes. If each finds its server at work, never itself, its turn
// still ends.
static void a_guest_whose_exits_meet_every_tick_does_not_keep_the_others_out(void **state) {
    (void)state;
    world_sleep();
    unsigned ran[GUEST_VCPUS] = {0};
    for (unsigned i = 0; i < 30; i++) {
        unsigned who = 0;
        while (machine.current != &guest.vcpu[who]->context) {
            who++;
            assert_true(who < GUEST_VCPUS);
        }
        ran[who]++;
        machine.fast = i % 2;
        world_hypercall(guest.vcpu[who], WORDS(0));
        world_ticks(1);
        assert_ptr_equal(machine.current, &a.task->context);
        world_reply(a.task, REPLY_HYPERCALL, WORDS(0));
    }
    for (unsigned i = 0; i < GUEST_VCPUS; i++) {
        assert_int_equal(ran[i], 30 / GUEST_VCPUS);
    }
}

// Nor does one that always has a task at work for it in its stead.
static void a_guest_that_keeps_tasks_busy_does_not_keep_the_others_out(void **state) {
    (void)state;
    server_grant(&a, 1, b.portal_slot, RIGHT_CALL, 0, 0);
    world_sleep();
    unsigned ran[GUEST_VCPUS] = {0};
    for (unsigned i = 0; i < 30; i++) {
        unsigned who = 0;
        while (machine.current != &guest.vcpu[who]->context) {
            who++;
            assert_true(who < GUEST_VCPUS);
        }
        ran[who]++;
        world_hypercall(guest.vcpu[who], WORDS(0));
        assert_int_equal(world_do(a.task, SYSCALL_SIGNAL, 1, WORDS(0)), STATUS_OK);
        assert_ptr_equal(world_reply(a.task, REPLY_HYPERCALL, WORDS(0)), &b.task->context);
        world_ticks(1);
        world_reply(b.task, 0, WORDS(0));
    }
    for (unsigned i = 0; i < GUEST_VCPUS; i++) {
        assert_int_equal(ran[i], 30 / GUEST_VCPUS);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(tasks_run_before_guests_in_the_order_they_became_ready),
        TEST(guests_take_turns_by_ticks),
        TEST(tasks_take_turns_by_ticks),
        TEST(a_guest_goes_on_when_its_exit_is_answered),
        TEST(a_guest_that_is_preempted_keeps_its_turn),
        TEST(an_answer_lets_ready_tasks_go_first),
        TEST(nobody_ready_means_sleep_and_ticks_go_on),
        TEST(missed_ticks_are_not_made_up_for),
        TEST(a_guest_whose_exits_meet_every_tick_does_not_keep_the_others_out),
        TEST(a_guest_that_keeps_tasks_busy_does_not_keep_the_others_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
