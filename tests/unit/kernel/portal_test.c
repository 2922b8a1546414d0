// Portals: calls, signals, and who receives them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/kernel/world.h"

#define SLOT 1 // where each server has the next one's portal

static struct server a, b, c;

// a may call b, b may call c, c may call a.
static int begin(void **state) {
    world_begin(state);
    server_make(&a, 0, 1);
    server_make(&b, 0, 2);
    server_make(&c, 0, 3);
    server_grant(&a, SLOT, b.portal_slot, RIGHT_CALL, 0xa, 0);
    server_grant(&b, SLOT, c.portal_slot, RIGHT_CALL, 0xb, 0);
    server_grant(&c, SLOT, a.portal_slot, RIGHT_CALL, 0xc, 0);
    return 0;
}

static void wake(const struct server *server) {
    assert_int_equal(world_do(world.init, SYSCALL_SIGNAL, server->portal_slot, WORDS(0)),
                     STATUS_OK);
}

static void wake_later(const struct server *server) {
    assert_int_equal(world_do(world.init, SYSCALL_SIGNAL, server->portal_slot, WORDS(SIGNAL_LATER)),
                     STATUS_OK);
}

static void expect(const struct task *task, enum exit_class class, uint64_t badge) {
    assert_ptr_equal(machine.current, &task->context);
    assert_int_equal(machine.regs.pc, WORLD_SERVER_PC);
    assert_int_equal(MESSAGE_CLASS(world_message().info), class);
    assert_int_equal(world_message().badge, badge);
}

static void a_call_goes_straight_to_a_server_that_waits_and_the_reply_straight_back(void **state) {
    (void)state;
    wake(&a);
    const uint64_t *words = WORDS(1, 2, 3, 4, 5, 6, 7, 8);
    world_run(a.task);
    uint64_t behind = machine.regs.pc + 4;
    uint64_t sp = machine.regs.sp;
    assert_ptr_equal(world_call(a.task, SYSCALL_CALL, SLOT, words), &b.task->context);
    expect(b.task, EXIT_CALL, 0xa);
    struct message message = world_message();
    assert_memory_equal(message.word, words, sizeof(message.word));
    assert_int_equal(message.pc, 0);
    assert_int_equal(message.seq, 1);
    assert_int_equal(machine.regs.sp, 0x9000);
    assert_int_equal(machine.regs.tp, 0x78);
    const uint64_t *answer = WORDS(11, 12, 13, 14, 15, 16, 17, 18);
    assert_ptr_equal(world_reply(b.task, 0, answer), &a.task->context);
    assert_memory_equal(machine.regs.general, answer, MESSAGE_WORDS * sizeof(uint64_t));
    assert_int_equal(machine.regs.status, STATUS_OK);
    assert_int_equal(machine.regs.pc, behind);
    assert_int_equal(machine.regs.sp, sp);
    assert_int_equal(b.task->state, TASK_WAITING);
}

static void a_server_sees_nothing_of_the_caller_but_its_words(void **state) {
    (void)state;
    wake(&a);
    world_run(a.task);
    for (unsigned i = MESSAGE_WORDS; i < REGS_GENERAL; i++) {
        machine.regs.general[i] = 0x5ec4e7;
    }
    world_call(a.task, SYSCALL_CALL, SLOT, WORDS(1));
    for (unsigned i = MESSAGE_WORDS; i < REGS_GENERAL; i++) {
        assert_int_not_equal(machine.regs.general[i], 0x5ec4e7);
    }
}

static void a_chain_of_calls_comes_back_in_order(void **state) {
    (void)state;
    wake(&a);
    world_call(a.task, SYSCALL_CALL, SLOT, WORDS(1));
    world_call(b.task, SYSCALL_CALL, SLOT, WORDS(2));
    expect(c.task, EXIT_CALL, 0xb);
    assert_int_equal(a.task->state, TASK_CALLING);
    assert_int_equal(b.task->state, TASK_CALLING);
    // b still serves a's call while it calls.
    assert_ptr_equal(b.task->serving, &a.task->call);
    assert_ptr_equal(world_reply(c.task, 0, WORDS(20)), &b.task->context);
    assert_int_equal(world_result(0), 20);
    assert_ptr_equal(world_reply(b.task, 0, WORDS(10)), &a.task->context);
    assert_int_equal(world_result(0), 10);
}

static void calls_to_a_busy_server_are_served_in_the_order_they_came(void **state) {
    (void)state;
    server_grant(&c, SLOT + 1, b.portal_slot, RIGHT_CALL, 0xcc, 0);
    wake(&a);
    wake(&b);
    wake(&c);
    world_run(b.task);
    expect(b.task, EXIT_SIGNAL, 0);
    world_call(c.task, SYSCALL_CALL, SLOT + 1, WORDS(33));
    world_call(a.task, SYSCALL_CALL, SLOT, WORDS(11));
    wake(&b);
    world_sleep();
    // The signal that it serves, then c, a, and the signal that came last.
    world_reply(b.task, 0, WORDS(0));
    world_run(b.task);
    expect(b.task, EXIT_CALL, 0xcc);
    assert_int_equal(world_message().word[0], 33);
    world_reply(b.task, 0, WORDS(0));
    world_run(b.task);
    expect(b.task, EXIT_CALL, 0xa);
    world_reply(b.task, 0, WORDS(0));
    world_run(b.task);
    expect(b.task, EXIT_SIGNAL, 0);
    assert_int_equal(world_message().word[0], 1);
    world_reply(b.task, 0, WORDS(0));
    assert_int_equal(b.task->state, TASK_WAITING);
}

static void signals_before_the_receiver_looks_are_one_with_their_count(void **state) {
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        wake(&b); // the first one is delivered; four are not looked at yet
    }
    world_run(b.task);
    expect(b.task, EXIT_SIGNAL, 0);
    assert_int_equal(world_message().word[0], 1);
    assert_int_equal(world_message().seq, 1);
    world_reply(b.task, 0, WORDS(0));
    world_run(b.task);
    expect(b.task, EXIT_SIGNAL, 0);
    assert_int_equal(world_message().word[0], 4);
    assert_int_equal(world_message().seq, 2);
    world_reply(b.task, 0, WORDS(0));
    assert_int_equal(b.task->state, TASK_WAITING);
    assert_int_equal(b.portal->signals, 0);
}

static void a_signal_never_blocks_and_wakes_the_receiver(void **state) {
    (void)state;
    wake(&a);
    assert_int_equal(world_do(a.task, SYSCALL_SIGNAL, SLOT, WORDS(0)), STATUS_OK);
    assert_int_equal(b.task->state, TASK_READY);
    world_wait(a.task);
    world_sleep();
    expect(b.task, EXIT_SIGNAL, 0xa);
}

static void a_signal_for_later_comes_with_the_tick(void **state) {
    (void)state;
    wake_later(&b);
    wake_later(&b);
    assert_int_equal(b.task->state, TASK_WAITING);
    wake_later(&c); // one portal waits for the tick: this one hears of it at once
    world_run(c.task);
    expect(c.task, EXIT_SIGNAL, 0);
    assert_int_equal(b.task->state, TASK_WAITING);
    world_ticks(1);
    world_run(b.task);
    expect(b.task, EXIT_SIGNAL, 0);
    assert_int_equal(world_message().word[0], 1);
    world_reply(b.task, 0, WORDS(0));
    world_ticks(2);
    assert_int_equal(b.task->state, TASK_WAITING);
}

static void a_server_can_signal_itself_but_not_call_itself(void **state) {
    (void)state;
    server_grant(&a, 2, a.portal_slot, RIGHT_CALL, 0xaa, 0);
    wake(&a);
    assert_int_equal(world_do(a.task, SYSCALL_SIGNAL, 2, WORDS(SIGNAL_LATER)), STATUS_OK);
    assert_int_equal(world_do(a.task, SYSCALL_CALL, 2, WORDS(1)), STATUS_BUSY);
    world_wait(a.task);
    world_ticks(1);
    world_run(a.task);
    expect(a.task, EXIT_SIGNAL, 0xaa);
}

static void a_portal_without_a_task_keeps_what_comes(void **state) {
    (void)state;
    unsigned portal = world_create(OBJECT_PORTAL, 1, 0, 0, 0);
    server_grant(&a, 2, portal, RIGHT_CALL, 77, 0);
    assert_int_equal(world_do(world.init, SYSCALL_SIGNAL, portal, WORDS(0)), STATUS_OK);
    assert_int_equal(world_do(world.init, SYSCALL_SIGNAL, portal, WORDS(0)), STATUS_OK);
    wake(&a);
    world_call(a.task, SYSCALL_CALL, 2, WORDS(42));
    static struct server late;
    server_make_task(&late);
    assert_int_equal(world_do(world.init, SYSCALL_BIND, BIND_PORTAL, WORDS(portal, late.task_slot)),
                     STATUS_OK);
    server_start(&late);
    world_run(late.task);
    expect(late.task, EXIT_SIGNAL, 0);
    world_reply(late.task, 0, WORDS(0));
    world_run(late.task);
    expect(late.task, EXIT_CALL, 77);
    assert_int_equal(world_message().word[0], 42);
}

static void a_waiting_task_that_is_bound_gets_what_is_queued(void **state) {
    (void)state;
    unsigned portal = world_create(OBJECT_PORTAL, 1, 0, 0, 0);
    static struct server late;
    server_make_task(&late);
    server_start(&late); // waits, bound to nothing
    assert_int_equal(late.task->state, TASK_WAITING);
    assert_int_equal(world_do(world.init, SYSCALL_SIGNAL, portal, WORDS(0)), STATUS_OK);
    assert_int_equal(late.task->state, TASK_WAITING);
    assert_int_equal(world_do(world.init, SYSCALL_BIND, BIND_PORTAL, WORDS(portal, late.task_slot)),
                     STATUS_OK);
    assert_int_equal(late.task->state, TASK_READY);
    world_run(late.task);
    expect(late.task, EXIT_SIGNAL, 0);
}

static void a_task_that_serves_receives_or_is_dead_is_not_bound(void **state) {
    (void)state;
    unsigned portal = world_create(OBJECT_PORTAL, 1, 0, 0, 0);
    assert_int_equal(world_do(world.init, SYSCALL_BIND, BIND_PORTAL, WORDS(portal, b.task_slot)),
                     STATUS_BUSY); // has a portal
    static struct server next;
    wake(&b);
    world_run(b.task);
    server_make_task(&next);
    assert_int_equal(
        world_do(world.init, SYSCALL_BIND, BIND_PORTAL, WORDS(b.portal_slot, next.task_slot)),
        STATUS_OK);
    assert_int_equal(world_do(world.init, SYSCALL_BIND, BIND_PORTAL, WORDS(portal, b.task_slot)),
                     STATUS_BUSY); // serves
    world_fault(b.task, FAULT_MEMORY, 0, 0);
    assert_int_equal(world_do(world.init, SYSCALL_BIND, BIND_PORTAL, WORDS(portal, b.task_slot)),
                     STATUS_BUSY); // is dead
}

static void an_answer_to_nobody_is_a_wait(void **state) {
    (void)state;
    wake(&b);
    world_reply(b.task, 0, WORDS(0));
    assert_int_equal(b.task->state, TASK_WAITING);
    world_run(world.init);
    // init itself never served anything just now.
    wake(&a);
    world_call(a.task, SYSCALL_CALL, SLOT, WORDS(1));
    assert_int_equal(world_do(world.init, SYSCALL_TASK, a.task_slot, WORDS(TASK_STOP)), STATUS_OK);
    assert_null(b.task->serving);
    world_reply(b.task, REPLY_FLAGS | MAY_ALL, WORDS(1, 2, 3, 4, 5, 6, 7, 8));
    assert_int_equal(b.task->state, TASK_WAITING);
}

static void a_second_answer_reaches_nobody(void **state) {
    (void)state;
    wake(&a);
    world_call(a.task, SYSCALL_CALL, SLOT, WORDS(1));
    world_reply(b.task, 0, WORDS(5));
    assert_ptr_equal(machine.current, &a.task->context);
    wake(&b);
    world_run(b.task);
    world_reply(b.task, 0, WORDS(6)); // answers the signal
    world_run(a.task);
    assert_int_equal(world_result(0), 5);
}

static void a_call_that_is_refused_returns_at_once_and_changes_nothing(void **state) {
    (void)state;
    wake(&a);
    world_run(a.task);
    machine.regs.general[12] = 99;
    uint64_t seq = a.task->call.seq;
    assert_int_equal(world_do(a.task, SYSCALL_CALL, 500, WORDS(1)), STATUS_NO_CAP);
    assert_int_equal(a.task->call.seq, seq);
    assert_int_equal(machine.regs.general[12], 99); // as any call that returns at once
}

static void a_task_that_waits_for_itself_can_be_ended(void **state) {
    (void)state;
    wake(&a);
    world_call(a.task, SYSCALL_CALL, SLOT, WORDS(1));
    world_call(b.task, SYSCALL_CALL, SLOT, WORDS(2));
    world_call(c.task, SYSCALL_CALL, SLOT, WORDS(3)); // a again
    assert_int_equal(a.task->state, TASK_CALLING);
    assert_int_equal(world_do(world.init, SYSCALL_TASK, a.task_slot, WORDS(TASK_STOP)), STATUS_OK);
    assert_null(a.task->call.portal);
    // The signal that it served, and c's call, are left for the next.
    assert_ptr_equal(a.portal->head, &a.portal->signal);
    assert_ptr_equal(a.portal->tail, &c.task->call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_call_goes_straight_to_a_server_that_waits_and_the_reply_straight_back),
        TEST(a_server_sees_nothing_of_the_caller_but_its_words),
        TEST(a_chain_of_calls_comes_back_in_order),
        TEST(calls_to_a_busy_server_are_served_in_the_order_they_came),
        TEST(signals_before_the_receiver_looks_are_one_with_their_count),
        TEST(a_signal_never_blocks_and_wakes_the_receiver),
        TEST(a_signal_for_later_comes_with_the_tick),
        TEST(a_server_can_signal_itself_but_not_call_itself),
        TEST(a_portal_without_a_task_keeps_what_comes),
        TEST(a_waiting_task_that_is_bound_gets_what_is_queued),
        TEST(a_task_that_serves_receives_or_is_dead_is_not_bound),
        TEST(an_answer_to_nobody_is_a_wait),
        TEST(a_second_answer_reaches_nobody),
        TEST(a_call_that_is_refused_returns_at_once_and_changes_nothing),
        TEST(a_task_that_waits_for_itself_can_be_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
