// A portal changes hands: the new one comes in when the old one is done with its record, and if one
// of them dies before, nothing is lost and nobody is bound.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/kernel/world.h"

#define SLOT 1 // where the client has the server's portal, and the server the callee's

static struct server old, new, client, callee;
static struct guest guest;
static struct vcpu *vcpu;

static int begin(void **state) {
    world_begin(state);
    server_make(&old, 0, 1);
    server_make(&client, 0, 2);
    server_make(&callee, 0, 3);
    server_grant(&client, SLOT, old.portal_slot, RIGHT_CALL, 0xc, 0);
    server_grant(&old, SLOT, callee.portal_slot, RIGHT_CALL, 0xd, 0);
    guest_make(&guest, &old, 0x42);
    vcpu = guest.vcpu[0];
    new = (struct server){.portal = old.portal, .portal_slot = old.portal_slot};
    server_make_task(&new);
    return 0;
}

static void signal(const struct server *server) {
    assert_int_equal(world_do(world.init, SYSCALL_SIGNAL, server->portal_slot, WORDS(0)),
                     STATUS_OK);
}

static enum status bind(const struct server *server) {
    return (enum status)world_do(world.init, SYSCALL_BIND, BIND_PORTAL,
                                 WORDS(server->portal_slot, server->task_slot));
}

// init binds the new one, which comes as far as to wait.
static void replace(void) {
    assert_int_equal(bind(&new), STATUS_OK);
    server_start(&new);
}

// TASK runs and has this record, whose first word is WORD.
static void has(struct task *task, enum exit_class class, uint64_t word, unsigned attempt) {
    world_run(task);
    assert_int_equal(MESSAGE_CLASS(world_message().info), class);
    assert_int_equal(world_message().word[0], word);
    assert_int_equal(MESSAGE_ATTEMPT(world_message().info), attempt);
}

// What a server may be at when it is to be replaced.
enum at { AT_EXIT, AT_CALL, AT_SIGNAL, AT_KINDS };

static const enum exit_class classes[] = {EXIT_STAGE2, EXIT_CALL, EXIT_SIGNAL};

static void serve(enum at at) {
    if (at == AT_SIGNAL) {
        signal(&old);
    } else if (at == AT_CALL) {
        signal(&client);
        world_sleep();
        world_call(client.task, SYSCALL_CALL, SLOT, WORDS(1, 22));
    } else {
        world_sleep();
        world_exit(vcpu, EXIT_STAGE2, WORDS(1, 2, 3));
    }
    has(old.task, classes[at], 1, 0);
}

static struct context *answer(struct task *task, enum at at) {
    return world_reply(task, at == AT_EXIT ? REPLY_FLAGS : 0, WORDS(7));
}

static void is_let_in(void) {
    assert_ptr_equal(new.portal->receiver, new.task);
    assert_null(new.portal->held);
    assert_null(old.task->portal);
    assert_null(old.task->leaving);
    assert_int_equal(old.task->state, TASK_WAITING);
}

static void one_that_waits_gives_way_at_once(void **state) {
    (void)state;
    replace();
    is_let_in();
    signal(&old);
    has(new.task, EXIT_SIGNAL, 1, 0);
}

static void the_new_one_gets_nothing_before_the_old_one_has_answered(void **state) {
    for (enum at at = 0; at < AT_KINDS; at++) {
        begin(state);
        serve(at);
        replace();
        assert_int_equal(new.task->state, TASK_WAITING);
        // Nor does anything that comes meanwhile lead to it.
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[1], WORDS(VCPU_START, 0x1000));
        signal(&old);
        world_sleep();
        world_exit(guest.vcpu[1], EXIT_SYSREG, WORDS(5));
        world_time(machine.now + 5000);
        assert_int_equal(new.task->state, TASK_WAITING);
        assert_null(new.task->serving);
        assert_int_equal(old.task->serving->seq, 1);
        world_run(old.task);
        answer(old.task, at);
        is_let_in();
        // The answer has come to where it was to.
        if (at == AT_EXIT) {
            assert_int_equal(vcpu->state, VCPU_RUNNABLE);
        } else if (at == AT_CALL) {
            assert_int_equal(client.task->state, TASK_READY);
        }
        // And what was queued goes to the new one, in its order; signals behind the one that was
        // being served come last.
        has(new.task, at == AT_SIGNAL ? EXIT_SYSREG : EXIT_SIGNAL, at == AT_SIGNAL ? 5 : 1, 0);
        world_reply(new.task, at == AT_SIGNAL ? REPLY_FLAGS : 0, WORDS(0));
        has(new.task, at == AT_SIGNAL ? EXIT_SIGNAL : EXIT_SYSREG, at == AT_SIGNAL ? 1 : 5, 0);
        world_reply(new.task, REPLY_FLAGS, WORDS(0));
        assert_ptr_equal(new.portal->waiting, new.task);
        world_end(state);
    }
    begin(state);
}

static void one_that_still_starts_gets_its_first_record_when_it_waits(void **state) {
    (void)state;
    serve(AT_EXIT);
    assert_int_equal(bind(&new), STATUS_OK);
    signal(&old);
    world_sleep();
    world_run(old.task);
    answer(old.task, AT_EXIT);
    assert_ptr_equal(old.portal->receiver, new.task);
    assert_ptr_equal(old.portal->head, &old.portal->signal);
    world_run(world.init);
    server_start(&new);
    has(new.task, EXIT_SIGNAL, 1, 0);
}

static void the_old_one_dies_over_it_and_nobody_is_bound(void **state) {
    for (enum at at = 0; at < AT_KINDS; at++) {
        begin(state);
        serve(at);
        struct record *record = old.task->serving;
        replace();
        signal(&old);
        world_fault(old.task, FAULT_MEMORY, 0, 0);
        assert_null(old.portal->receiver);
        assert_null(old.portal->held);
        assert_null(new.task->portal);
        assert_int_equal(new.task->state, TASK_WAITING);
        assert_ptr_equal(old.portal->head, record);
        assert_int_equal(record->seq, 1);
        // Whoever is bound later gets it: the one that was to, or another.
        if (at == AT_CALL) {
            server_make_task(&new);
            server_start(&new);
        }
        assert_int_equal(bind(&new), STATUS_OK);
        assert_int_equal(bind(&old), STATUS_BUSY); // it is dead
        has(new.task, classes[at], 1, 1);
        assert_int_equal(world_message().seq, 1);
        answer(new.task, at);
        if (at == AT_SIGNAL) {
            assert_int_equal(record->seq, 2); // the signal that came meanwhile
        } else {
            assert_null(record->portal);
        }
        world_end(state);
    }
    begin(state);
}

static void the_new_one_dies_before_it_is_let_in(void **state) {
    for (enum at at = 0; at < AT_KINDS; at++) {
        begin(state);
        serve(at);
        replace();
        world_do(world.init, SYSCALL_TASK, new.task_slot, WORDS(TASK_STOP));
        assert_null(old.portal->receiver);
        assert_ptr_equal(old.portal->held, old.task);
        assert_int_equal(old.task->serving->seq, 1);
        // A third one waits for the old one all the same.
        if (at == AT_CALL) {
            server_make_task(&new);
            replace();
            assert_int_equal(new.task->state, TASK_WAITING);
        }
        signal(&old);
        world_sleep();
        world_run(old.task);
        answer(old.task, at);
        assert_null(old.task->leaving);
        assert_null(old.portal->held);
        assert_int_equal(old.task->state, TASK_WAITING);
        if (at != AT_CALL) {
            assert_ptr_equal(old.portal->head, &old.portal->signal); // for nobody yet
            assert_int_equal(bind(&old), STATUS_OK);
        }
        has(at == AT_CALL ? new.task : old.task, EXIT_SIGNAL, 1, 0);
        world_end(state);
    }
    begin(state);
}

static void the_old_one_is_bound_again_while_it_serves(void **state) {
    for (enum at at = 0; at < AT_KINDS; at++) {
        begin(state);
        serve(at);
        replace();
        assert_int_equal(bind(&old), STATUS_OK);
        assert_null(old.portal->held);
        assert_null(old.task->leaving);
        assert_null(new.task->portal);
        assert_ptr_equal(old.portal->receiver, old.task);
        assert_int_equal(old.task->serving->seq, 1);
        signal(&old);
        world_sleep();
        world_run(old.task);
        answer(old.task, at);
        has(old.task, EXIT_SIGNAL, 1, 0);
        world_reply(old.task, 0, WORDS(0));
        assert_ptr_equal(old.portal->waiting, old.task);
        assert_int_equal(new.task->state, TASK_WAITING);
        world_run(world.init);
        assert_int_equal(world_do(world.init, SYSCALL_DESTROY, new.task_slot, WORDS(0)), STATUS_OK);
        assert_ptr_equal(old.portal->waiting, old.task);
        world_end(state);
    }
    begin(state);
}

static void the_old_one_is_bound_again_after_it_waits(void **state) {
    (void)state;
    serve(AT_EXIT);
    replace();
    world_sleep();
    world_run(old.task);
    answer(old.task, AT_EXIT);
    is_let_in();
    world_run(world.init);
    assert_int_equal(bind(&old), STATUS_OK);
    assert_null(new.task->portal);
    assert_ptr_equal(old.portal->waiting, old.task);
    world_sleep();
    world_exit(vcpu, EXIT_STAGE2, WORDS(9));
    has(old.task, EXIT_STAGE2, 9, 0);
}

// What init does when a new version refuses: that one is in a call of init over its first record.
static void a_new_one_that_refuses_over_a_record_gives_it_back_unanswered(void **state) {
    (void)state;
    server_grant(&new, SLOT, world.init_portal, RIGHT_CALL, 5, 0);
    replace();
    world_sleep();
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_call(new.task, SYSCALL_CALL, SLOT, WORDS(33));
    has(world.init, EXIT_CALL, 33, 0);
    assert_int_equal(bind(&old), STATUS_OK);
    assert_ptr_equal(old.portal->held, new.task);
    assert_int_equal(old.task->state, TASK_WAITING);
    assert_null(old.task->serving);
    world_reply(world.init, 0, WORDS(0));
    world_call(new.task, SYSCALL_EXIT, 0, WORDS(3));
    assert_null(old.task->portal); // as when anybody dies over it
    world_run(world.init);
    assert_int_equal(bind(&old), STATUS_OK);
    has(old.task, EXIT_STAGE2, 1, 1);
    assert_ptr_equal(world_reply(old.task, REPLY_FLAGS, WORDS(0)), &world.init->context);
    assert_int_equal(vcpu->state, VCPU_RUNNABLE);
}

// Whoever serves may be in the middle of its state, though nobody waits for the answer any more.
static void the_new_one_waits_though_the_record_was_cancelled(void **state) {
    for (enum at at = 0; at < AT_SIGNAL; at++) {
        begin(state);
        serve(at);
        replace();
        if (at == AT_EXIT) {
            world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_STOP));
        } else {
            world_do(world.init, SYSCALL_DESTROY, client.task_slot, WORDS(0));
        }
        signal(&old);
        assert_null(old.task->serving);
        assert_int_equal(new.task->state, TASK_WAITING);
        world_sleep();
        world_run(old.task);
        answer(old.task, at); // to nobody
        has(new.task, EXIT_SIGNAL, 1, 0);
        assert_int_equal(old.task->state, TASK_WAITING);
        world_end(state);
    }
    begin(state);
}

static void the_same_when_it_was_cancelled_before_the_switch(void **state) {
    (void)state;
    serve(AT_EXIT);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_STOP));
    replace();
    signal(&old);
    assert_int_equal(new.task->state, TASK_WAITING);
    // It is still bound to that place: another portal can't have it, its own can.
    unsigned portal = world_create(OBJECT_PORTAL, 1, 0, 0, 0);
    assert_int_equal(world_do(world.init, SYSCALL_BIND, BIND_PORTAL, WORDS(portal, old.task_slot)),
                     STATUS_BUSY);
    assert_ptr_equal(old.portal->held, old.task);
    world_sleep();
    world_run(old.task);
    world_wait(old.task);
    has(new.task, EXIT_SIGNAL, 1, 0);
    world_run(world.init);
    assert_int_equal(world_do(world.init, SYSCALL_BIND, BIND_PORTAL, WORDS(portal, old.task_slot)),
                     STATUS_OK);
}

static void the_old_one_is_calling_another_at_the_switch(void **state) {
    (void)state;
    serve(AT_EXIT);
    world_call(old.task, SYSCALL_CALL, SLOT, WORDS(44));
    has(callee.task, EXIT_CALL, 44, 0);
    world_run(world.init);
    replace();
    signal(&old);
    world_sleep();
    assert_int_equal(new.task->state, TASK_WAITING);
    world_run(callee.task);
    assert_ptr_equal(world_reply(callee.task, 0, WORDS(55)), &old.task->context);
    assert_int_equal(world_result(0), 55);
    assert_int_equal(new.task->state, TASK_WAITING);
    answer(old.task, AT_EXIT);
    is_let_in();
    has(new.task, EXIT_SIGNAL, 1, 0);
    assert_int_equal(vcpu->state, VCPU_RUNNABLE);
}

// It has no record and is no server yet: nothing of it is to be waited for.
static void one_that_never_began_is_not_waited_for(void **state) {
    (void)state;
    assert_int_equal(bind(&new), STATUS_OK);
    assert_int_equal(bind(&old), STATUS_OK);
    assert_null(old.portal->held);
    assert_ptr_equal(old.portal->waiting, old.task);
    signal(&old);
    has(old.task, EXIT_SIGNAL, 1, 0);
}

// The short way back leads to the portal; after a switch there and back it is not taken.
static void an_answer_takes_the_long_way_after_a_switch(void **state) {
    (void)state;
    serve(AT_EXIT);
    assert_ptr_equal(old.task->exit, vcpu);
    replace();
    assert_null(old.task->exit);
    assert_int_equal(bind(&old), STATUS_OK);
    world_sleep();
    world_run(old.task);
    assert_ptr_equal(answer(old.task, AT_EXIT), &vcpu->context);
    assert_ptr_equal(old.portal->waiting, old.task);
}

static void a_hypercall_of_the_shortest_way_is_answered_before_the_switch(void **state) {
    (void)state;
    world_sleep();
    world_hypercall(vcpu, WORDS(1, 2));
    assert_int_equal(machine.fast_calls, 1);
    world_run(world.init);
    replace();
    signal(&old);
    assert_ptr_equal(old.portal->held, old.task);
    assert_int_equal(new.task->state, TASK_WAITING);
    world_sleep();
    world_run(old.task);
    world_reply(old.task, REPLY_HYPERCALL, WORDS(70, 80));
    has(new.task, EXIT_SIGNAL, 1, 0);
    assert_ptr_equal(world_reply(new.task, 0, WORDS(0)), &vcpu->context);
    assert_int_equal(machine.regs.general[0], 70);
    world_hypercall(vcpu, WORDS(3));
    assert_int_equal(machine.fast_calls, 2);
    assert_ptr_equal(machine.current, &new.task->context);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_that_waits_gives_way_at_once),
        TEST(the_new_one_gets_nothing_before_the_old_one_has_answered),
        TEST(one_that_still_starts_gets_its_first_record_when_it_waits),
        TEST(the_old_one_dies_over_it_and_nobody_is_bound),
        TEST(the_new_one_dies_before_it_is_let_in),
        TEST(the_old_one_is_bound_again_while_it_serves),
        TEST(the_old_one_is_bound_again_after_it_waits),
        TEST(a_new_one_that_refuses_over_a_record_gives_it_back_unanswered),
        TEST(the_new_one_waits_though_the_record_was_cancelled),
        TEST(the_same_when_it_was_cancelled_before_the_switch),
        TEST(the_old_one_is_calling_another_at_the_switch),
        TEST(one_that_never_began_is_not_waited_for),
        TEST(an_answer_takes_the_long_way_after_a_switch),
        TEST(a_hypercall_of_the_shortest_way_is_answered_before_the_switch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
