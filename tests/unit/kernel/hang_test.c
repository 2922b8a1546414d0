// A server that does not come back is found by the tick; one that works is left alone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/tick.h"
#include "tests/unit/kernel/world.h"

#define LIMIT 5 // ticks

static struct server a, b, c;
static struct guest guest;
static struct vcpu *vcpu;

static int begin(void **state) {
    world_begin(state);
    server_make(&a, LIMIT, 1);
    server_make(&b, LIMIT, 2);
    server_make(&c, 0, 3);
    guest_make(&guest, &a, 0x42);
    server_grant(&a, 1, b.portal_slot, RIGHT_CALL, 0xa, 0);
    server_grant(&b, 1, a.portal_slot, RIGHT_CALL, 0xb, 0);
    server_grant(&a, 2, c.portal_slot, RIGHT_CALL, 0xa, 0);
    vcpu = guest.vcpu[0];
    world_sleep();
    return 0;
}

// Counts the ticks until TASK dies; LIMIT ticks and then some must do.
static unsigned ticks_until_death(const struct task *task) {
    unsigned ticks = 0;
    while (task->state != TASK_DEAD && ticks < 100) {
        world_ticks(1);
        ticks++;
    }
    return ticks;
}

static void found(const struct server *server, uint64_t badge) {
    assert_int_equal(server->task->state, TASK_DEAD);
    assert_ptr_equal(world.init->serving, &server->task->fault);
    assert_int_equal(server->task->fault.word[FAULT_WORD_CAUSE], FAULT_HANG);
    assert_int_equal(server->task->fault.badge, badge);
}

static void a_loop_in_an_exits_server_is_found(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    unsigned ticks = ticks_until_death(a.task);
    assert_in_range(ticks, LIMIT, LIMIT + 1);
    found(&a, 1);
    assert_ptr_equal(a.portal->head, &vcpu->record);
    assert_int_equal(MESSAGE_ATTEMPT(vcpu->record.info), 1);
}

static void a_loop_behind_the_shortest_way_is_found(void **state) {
    (void)state;
    world_hypercall(vcpu, WORDS(1));
    assert_int_equal(machine.fast_calls, 1);
    assert_in_range(ticks_until_death(a.task), LIMIT, LIMIT + 1);
    found(&a, 1);
    assert_ptr_equal(a.portal->head, &vcpu->record);
}

static void a_loop_while_serving_a_call_or_a_signal_is_found(void **state) {
    (void)state;
    world_run(world.init);
    world_do(world.init, SYSCALL_SIGNAL, b.portal_slot, WORDS(0));
    world_sleep();
    assert_in_range(ticks_until_death(b.task), LIMIT, LIMIT + 2);
    found(&b, 2);
}

static void a_loop_before_the_first_wait_is_found(void **state) {
    (void)state;
    static struct server fresh;
    world_run(world.init);
    fresh.portal_slot = world_create(OBJECT_PORTAL, 1, LIMIT, 0, 0);
    server_make_task(&fresh);
    world_do(world.init, SYSCALL_BIND, BIND_PORTAL, WORDS(fresh.portal_slot, fresh.task_slot));
    world_do(world.init, SYSCALL_TASK, fresh.task_slot, WORDS(TASK_START, 0x1000));
    world_sleep();
    assert_in_range(ticks_until_death(fresh.task), LIMIT, LIMIT + 2);
}

static void without_a_limit_nobody_is_ended(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_reply(a.task, REPLY_FLAGS, WORDS(0));
    guest_route(&guest, 0, EXIT_STAGE2, c.portal_slot, 1, MAY_ALL, 0, 0);
    world_sleep();
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_ticks(1000);
    assert_int_equal(c.task->state, TASK_READY);
}

static void a_server_that_progresses_is_left_alone(void **state) {
    (void)state;
    // Each tick meets it serving, and each time another exit.
    for (unsigned i = 0; i < 20 * LIMIT; i++) {
        world_exit(vcpu, EXIT_STAGE2, WORDS(1));
        world_ticks(1);
        if (i % 3 == 0) {
            world_ticks(LIMIT - 3);
        }
        assert_int_equal(a.task->state, TASK_READY);
        world_reply(a.task, REPLY_FLAGS, WORDS(0));
        assert_ptr_equal(machine.current, &vcpu->context);
    }
}

static void signals_that_keep_coming_are_progress(void **state) {
    (void)state;
    world_run(world.init);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_STOP)); // it would get turns
    world_do(world.init, SYSCALL_SIGNAL, b.portal_slot, WORDS(0));
    for (unsigned i = 0; i < 20 * LIMIT; i++) {
        world_run(world.init);
        world_do(world.init, SYSCALL_SIGNAL, b.portal_slot, WORDS(0));
        world_sleep();
        world_run(b.task);
        world_ticks(1);
        assert_ptr_equal(machine.current, &b.task->context);
        world_reply(b.task, 0, WORDS(0));
    }
    assert_int_not_equal(b.task->state, TASK_DEAD);
}

static void the_one_at_the_end_of_a_chain_is_the_culprit(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_call(a.task, SYSCALL_CALL, 1, WORDS(1)); // b loops
    unsigned ticks = ticks_until_death(b.task);
    assert_in_range(ticks, LIMIT, LIMIT + 1);
    found(&b, 2);
    // The call waits for the next b; a and the exit are untouched.
    assert_int_equal(a.task->state, TASK_CALLING);
    assert_ptr_equal(vcpu->record.server, a.task);
    server_restart(&b, 2);
    world_sleep();
    world_run(b.task);
    world_reply(b.task, 0, WORDS(7));
    assert_ptr_equal(machine.current, &a.task->context);
    world_reply(a.task, REPLY_FLAGS, WORDS(0));
    assert_ptr_equal(machine.current, &vcpu->context);
}

static void one_that_calls_for_ever_is_the_culprit_and_not_whom_it_calls(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    for (unsigned i = 0; i < 10 * LIMIT && a.task->state != TASK_DEAD; i++) {
        world_call(a.task, SYSCALL_CALL, 1, WORDS(i));
        world_ticks(1);
        if (a.task->state != TASK_DEAD) {
            world_reply(b.task, 0, WORDS(0));
        }
    }
    assert_int_equal(a.task->state, TASK_DEAD);
    assert_int_equal(b.task->state, TASK_READY); // it serves the dead one's call, and is left to
}

static void the_end_of_a_chain_is_found_though_its_own_portal_has_no_limit(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_call(a.task, SYSCALL_CALL, 2, WORDS(1)); // c loops; nobody limits c but the exit
    assert_in_range(ticks_until_death(c.task), LIMIT, LIMIT + 1);
    found(&c, 3);
}

static void a_circle_of_calls_is_broken(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_call(a.task, SYSCALL_CALL, 1, WORDS(1));
    assert_null(world_call(b.task, SYSCALL_CALL, 1, WORDS(2))); // back to a, which waits for b
    assert_in_range(ticks_until_death(b.task), LIMIT, LIMIT + 1);
    found(&b, 2);
    server_restart(&b, 2);
    world_sleep();
    world_run(b.task);
    assert_int_equal(MESSAGE_ATTEMPT(world_message().info), 1);
    world_reply(b.task, 0, WORDS(7));
    assert_ptr_equal(machine.current, &a.task->context);
}

static void a_server_that_calls_itself_is_found(void **state) {
    (void)state;
    world_run(world.init);
    server_grant(&a, 3, a.portal_slot, RIGHT_CALL, 0, 0);
    world_sleep();
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_call(a.task, SYSCALL_CALL, 3, WORDS(1));
    assert_in_range(ticks_until_death(a.task), LIMIT, LIMIT + 1);
    found(&a, 1);
    assert_ptr_equal(a.portal->head, &vcpu->record);
    assert_ptr_equal(a.portal->tail, &vcpu->record); // its own call went with it
}

static void waiting_for_one_that_is_started_again_is_nobodys_hang(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_call(a.task, SYSCALL_CALL, 1, WORDS(1));
    world_fault(b.task, FAULT_MEMORY, 0, 0);
    world_sleep();
    world_ticks(10 * LIMIT);
    assert_int_equal(a.task->state, TASK_CALLING);
    server_restart(&b, 2);
    world_sleep();
    // From now on somebody is there to be waited for.
    assert_in_range(ticks_until_death(b.task), LIMIT - 1, LIMIT + 1);
    found(&b, 2);
}

static void one_that_is_no_longer_bound_is_found_as_well(void **state) {
    (void)state;
    // It still serves the call; nobody is bound in its place (any more). The limit is its portal's.
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_call(a.task, SYSCALL_CALL, 1, WORDS(1));
    static struct server next;
    next = (struct server){.portal = b.portal, .portal_slot = b.portal_slot};
    server_make_task(&next);
    world_do(world.init, SYSCALL_BIND, BIND_PORTAL, WORDS(b.portal_slot, next.task_slot));
    world_do(world.init, SYSCALL_DESTROY, next.task_slot, WORDS(0));
    assert_null(b.portal->receiver);
    world_sleep();
    assert_in_range(ticks_until_death(b.task), LIMIT - 1, LIMIT + 1);
    found(&b, 2);
}

static void calls_at_its_start_are_no_progress(void **state) {
    (void)state;
    static struct server fresh;
    world_run(world.init);
    fresh.portal_slot = world_create(OBJECT_PORTAL, 1, LIMIT, 0, 0);
    server_make_task(&fresh);
    server_grant(&fresh, 1, c.portal_slot, RIGHT_CALL, 0, 0);
    world_do(world.init, SYSCALL_BIND, BIND_PORTAL, WORDS(fresh.portal_slot, fresh.task_slot));
    world_do(world.init, SYSCALL_TASK, fresh.task_slot, WORDS(TASK_START, 0x1000));
    world_sleep();
    unsigned ticks = 0;
    for (; fresh.task->state != TASK_DEAD && ticks < 20 * LIMIT; ticks++) {
        world_call(fresh.task, SYSCALL_CALL, 1, WORDS(0));
        world_reply(c.task, 0, WORDS(0));
        assert_ptr_equal(machine.current, &fresh.task->context);
        world_ticks(1);
    }
    assert_in_range(ticks, LIMIT, LIMIT + 1);
    assert_int_equal(fresh.task->fault.word[FAULT_WORD_CAUSE], FAULT_HANG);
}

// A task that no portal gives a limit: before it is bound, or when it was given up.
static void a_task_without_a_portal_that_never_waits_is_ended(void **state) {
    (void)state;
    static struct server fresh;
    world_run(world.init);
    server_make_task(&fresh);
    server_grant(&fresh, 1, c.portal_slot, RIGHT_CALL, 0, 0);
    world_do(world.init, SYSCALL_TASK, fresh.task_slot, WORDS(TASK_START, 0x1000));
    world_sleep();
    // What it does makes no difference.
    unsigned met = 0;
    for (; fresh.task->state != TASK_DEAD && met < 1000; met++) {
        if (machine.current == &vcpu->context) {
            world_ticks(1); // they take turns
        }
        assert_ptr_equal(machine.current, &fresh.task->context);
        if (met % 2) {
            world_call(fresh.task, SYSCALL_CALL, 1, WORDS(0));
            world_reply(c.task, 0, WORDS(0));
        }
        world_ticks(1);
    }
    assert_int_equal(met, 100); // a second
    assert_int_equal(fresh.task->fault.word[FAULT_WORD_CAUSE], FAULT_HANG);
}

static void a_task_without_a_portal_that_waits_is_left_alone(void **state) {
    (void)state;
    static struct server fresh;
    world_run(world.init);
    server_make_task(&fresh);
    server_start(&fresh);
    world_sleep();
    world_ticks(1000);
    assert_int_equal(fresh.task->state, TASK_WAITING);
}

// The one that is to be replaced has as long as before; also when that is for ever.
static void one_that_is_being_replaced_keeps_the_limit_of_its_portal(void **state) {
    (void)state;
    static struct server next[2];
    const struct server *old[] = {&b, &c};
    world_run(world.init);
    for (unsigned i = 0; i < 2; i++) {
        next[i] = (struct server){.portal = old[i]->portal, .portal_slot = old[i]->portal_slot};
        world_do(world.init, SYSCALL_SIGNAL, old[i]->portal_slot, WORDS(0));
        server_make_task(&next[i]);
        world_do(world.init, SYSCALL_BIND, BIND_PORTAL,
                 WORDS(old[i]->portal_slot, next[i].task_slot));
        server_start(&next[i]);
    }
    world_sleep();
    assert_in_range(ticks_until_death(b.task), LIMIT, 2 * LIMIT + 4); // c has every other tick
    world_sleep();
    world_ticks(1000);
    assert_int_equal(c.task->state, TASK_READY);
}

static void an_exit_that_waits_in_a_queue_accuses_nobody(void **state) {
    (void)state;
    world_run(world.init);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[1], WORDS(VCPU_START, 0x1000));
    world_sleep();
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    trap_switch(&guest.vcpu[1]->context);
    world_exit(guest.vcpu[1], EXIT_STAGE2, WORDS(1));
    world_ticks(LIMIT - 1);
    assert_int_equal(a.task->state, TASK_READY);
    world_run(a.task);
    world_reply(a.task, REPLY_FLAGS, WORDS(0));
    world_run(a.task);
    // Its own time begins now.
    world_ticks(LIMIT - 1);
    assert_int_equal(a.task->state, TASK_READY);
}

// b serves something else, for which its own portal has another limit.
static void a_call_that_waits_in_a_queue_accuses_nobody(void **state) {
    (void)state;
    world_run(world.init);
    world_do(world.init, SYSCALL_SIGNAL, c.portal_slot, WORDS(0)); // c has no limit
    world_sleep();
    trap_switch(&vcpu->context);
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_call(a.task, SYSCALL_CALL, 2, WORDS(1));
    world_ticks(20 * LIMIT);
    assert_int_equal(a.task->state, TASK_CALLING);
    assert_int_equal(c.task->state, TASK_READY);
    // From where it serves the call, it has the exit's time.
    world_run(c.task);
    world_reply(c.task, 0, WORDS(0));
    assert_ptr_equal(a.task->call.server, c.task);
    assert_in_range(ticks_until_death(c.task), LIMIT - 1, LIMIT + 1);
    found(&c, 3);
}

// a serves the exit and calls b while it is being replaced, and b calls back: the new a, which
// waits until the old one is ready, is not who is called.
static void a_circle_through_one_that_is_being_replaced_is_broken(void **state) {
    (void)state;
    static struct server next;
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_call(a.task, SYSCALL_CALL, 1, WORDS(1));
    world_run(world.init);
    next = (struct server){.portal = a.portal, .portal_slot = a.portal_slot};
    server_make_task(&next);
    world_do(world.init, SYSCALL_BIND, BIND_PORTAL, WORDS(a.portal_slot, next.task_slot));
    server_start(&next);
    world_sleep();
    world_run(b.task);
    world_call(b.task, SYSCALL_CALL, 1, WORDS(2));
    assert_in_range(ticks_until_death(b.task), LIMIT - 1, LIMIT + 2);
}

static void an_exit_without_a_server_accuses_nobody(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_fault(a.task, FAULT_MEMORY, 0, 0);
    world_sleep();
    world_ticks(50);
    assert_int_equal(vcpu->state, VCPU_EXITED);
    assert_ptr_equal(a.portal->head, &vcpu->record);
}

static void deadlines_of_any_length_are_kept(void **state) {
    (void)state;
    world_run(world.init);
    unsigned slot = world_create(OBJECT_PORTAL, 1, UINT64_MAX, 0, 0);
    const struct portal *portal = world_object(slot);
    assert_int_equal(portal->deadline_ticks, UINT32_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_loop_in_an_exits_server_is_found),
        TEST(a_loop_behind_the_shortest_way_is_found),
        TEST(a_loop_while_serving_a_call_or_a_signal_is_found),
        TEST(a_loop_before_the_first_wait_is_found),
        TEST(without_a_limit_nobody_is_ended),
        TEST(a_server_that_progresses_is_left_alone),
        TEST(signals_that_keep_coming_are_progress),
        TEST(the_one_at_the_end_of_a_chain_is_the_culprit),
        TEST(one_that_calls_for_ever_is_the_culprit_and_not_whom_it_calls),
        TEST(the_end_of_a_chain_is_found_though_its_own_portal_has_no_limit),
        TEST(a_circle_of_calls_is_broken),
        TEST(a_server_that_calls_itself_is_found),
        TEST(waiting_for_one_that_is_started_again_is_nobodys_hang),
        TEST(one_that_is_no_longer_bound_is_found_as_well),
        TEST(calls_at_its_start_are_no_progress),
        TEST(a_task_without_a_portal_that_never_waits_is_ended),
        TEST(a_task_without_a_portal_that_waits_is_left_alone),
        TEST(one_that_is_being_replaced_keeps_the_limit_of_its_portal),
        TEST(an_exit_that_waits_in_a_queue_accuses_nobody),
        TEST(a_call_that_waits_in_a_queue_accuses_nobody),
        TEST(a_circle_through_one_that_is_being_replaced_is_broken),
        TEST(an_exit_without_a_server_accuses_nobody),
        TEST(deadlines_of_any_length_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
