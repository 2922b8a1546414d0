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

// Who runs at each of COUNT ticks: the guest's share. While a task runs, PLAY does what it does.
static unsigned guests_share(unsigned count, void play(struct task *)) {
    unsigned guests = 0;
    for (unsigned i = 0; i < count; i++) {
        guests += machine.current->kind == CONTEXT_VCPU;
        // Tasks hand over to each other in between: nothing of that lets a guest in.
        for (unsigned j = 0; j < 5 && machine.current->kind == CONTEXT_TASK; j++) {
            play(task_of(machine.current));
            assert_int_equal(machine.current->kind, CONTEXT_TASK);
        }
        world_ticks(1);
    }
    return guests;
}

static void signal_and_answer(struct task *task) {
    assert_int_equal(world_do(task, SYSCALL_SIGNAL, 1, WORDS(0)), STATUS_OK);
    world_reply(task, 0, WORDS(0));
}

static void two_that_signal_each_other_for_ever_do_not_keep_the_guests_out(void **state) {
    (void)state;
    server_grant(&a, 1, b.portal_slot, RIGHT_CALL, 0, 0);
    server_grant(&b, 1, a.portal_slot, RIGHT_CALL, 0, 0);
    wake(&a);
    world_sleep();
    assert_in_range(guests_share(1100, signal_and_answer), 95, 105);
}

static void one_that_signals_itself_for_ever_does_not_keep_the_guests_out(void **state) {
    (void)state;
    server_grant(&a, 1, a.portal_slot, RIGHT_CALL, 0, 0);
    wake(&a);
    world_sleep();
    assert_in_range(guests_share(1100, signal_and_answer), 95, 105);
}

// Their turn is a turn for all of them, one after the other.
static void starved_guests_take_turns(void **state) {
    (void)state;
    server_grant(&a, 1, a.portal_slot, RIGHT_CALL, 0, 0);
    wake(&a);
    world_sleep();
    for (unsigned i = 0; i < 3 * GUEST_VCPUS; i++) {
        while (machine.current->kind == CONTEXT_TASK) {
            signal_and_answer(task_of(machine.current));
            world_ticks(1);
        }
        assert_ptr_equal(machine.current, &guest.vcpu[i % GUEST_VCPUS]->context);
        world_ticks(1);
    }
}

// An interrupt, an exit and its answer do not end that turn; its tick does.
static void the_guests_turn_lasts_until_the_tick(void **state) {
    (void)state;
    server_grant(&b, 1, b.portal_slot, RIGHT_CALL, 0, 0);
    wake(&b);
    world_sleep();
    while (machine.current->kind == CONTEXT_TASK) {
        signal_and_answer(task_of(machine.current));
        world_ticks(1);
    }
    const struct context *first = machine.current;
    assert_ptr_equal(first, &guest.vcpu[0]->context);
    assert_ptr_equal(world_line(WORLD_WAKE_LINE), first);
    world_exit(guest.vcpu[0], EXIT_SYSREG, WORDS(0));
    assert_ptr_equal(world_reply(a.task, REPLY_FLAGS, WORDS(0)), first);
    assert_int_equal(world_ticks(1)->kind, CONTEXT_TASK);
}

// A guest that runs between ticks is not kept out, though each tick meets a server: they keep it.
static void a_server_is_not_interrupted_for_guests_that_run(void **state) {
    (void)state;
    world_sleep();
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(machine.current->kind, CONTEXT_VCPU);
        world_exit(vcpu_of(machine.current), EXIT_SYSREG, WORDS(0));
        assert_ptr_equal(world_ticks(1), &a.task->context);
        world_reply(a.task, REPLY_FLAGS, WORDS(0));
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
        TEST(two_that_signal_each_other_for_ever_do_not_keep_the_guests_out),
        TEST(one_that_signals_itself_for_ever_does_not_keep_the_guests_out),
        TEST(starved_guests_take_turns),
        TEST(the_guests_turn_lasts_until_the_tick),
        TEST(a_server_is_not_interrupted_for_guests_that_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
