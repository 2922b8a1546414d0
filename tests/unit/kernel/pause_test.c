// How long nobody answered: from a death, or from the end of the last record of the one that was
// replaced, to the first answer of the next.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/kernel/world.h"

static struct server server, client;
static struct guest guest;
static struct vcpu *vcpu;

static int begin(void **state) {
    world_begin(state);
    machine.instructions = 1000;
    server_make(&server, 0, 1);
    server_make(&client, 0, 2);
    server_grant(&client, 1, server.portal_slot, RIGHT_CALL, 0xc, 0);
    guest_make(&guest, &server, 0x42);
    vcpu = guest.vcpu[0];
    return 0;
}

static uint64_t pause_of(const struct server *one) {
    world_run(world.init);
    assert_int_equal(world_do(world.init, SYSCALL_TASK, one->task_slot, WORDS(TASK_READ)),
                     STATUS_OK);
    uint64_t instructions = world_result(4);
    world_sleep();
    return instructions;
}

// How a first record may come: by an exit that is handed over, by the shortest way, by a call or a
// signal.
enum by { BY_EXIT, BY_HYPERCALL, BY_CALL, BY_SIGNAL, BY_KINDS };

// A record of that kind comes to ONE, which does what a server does over its first one, and
// answers.
static void first_record(const struct server *one, enum by by, uint64_t instructions) {
    world_sleep();
    switch (by) {
    case BY_EXIT:
        world_exit(vcpu, EXIT_STAGE2, WORDS(1));
        break;
    case BY_HYPERCALL:
        world_hypercall(vcpu, WORDS(1));
        break;
    case BY_CALL:
        world_do(world.init, SYSCALL_SIGNAL, client.portal_slot, WORDS(0));
        world_call(client.task, SYSCALL_CALL, 1, WORDS(1));
        break;
    default:
        world_do(world.init, SYSCALL_SIGNAL, one->portal_slot, WORDS(0));
        break;
    }
    world_run(one->task);
    machine.instructions += instructions;
    world_do(one->task, SYSCALL_TASK, 0, WORDS(TASK_RECEIVE, WORLD_SERVER_PC, 0x9000, 0x78));
    world_reply(one->task, by == BY_EXIT ? REPLY_FLAGS | REPLY_ADVANCE : 0, WORDS(0));
    machine.instructions += 100000;
    if (client.task->state == TASK_READY) {
        world_wait(client.task);
    }
}

static void after_a_death_to_the_first_answer(void **state) {
    for (unsigned i = 0; i < 2 * BY_KINDS; i++) {
        begin(state);
        machine.fast = i & 1;
        first_record(&server, BY_EXIT, 5);
        world_exit(vcpu, EXIT_STAGE2, WORDS(1));
        machine.instructions = 2000000;
        world_fault(server.task, FAULT_MEMORY, 0, 0);
        machine.instructions += 300;
        server_restart(&server, 1);
        // Until there is an answer, there is no time: not that of the one before.
        assert_int_equal(pause_of(&server), 0);
        machine.instructions += 20;
        world_run(server.task); // it has the exit over which the other died
        assert_int_equal(pause_of(&server), 0);
        machine.instructions += 1;
        world_run(server.task);
        world_reply(server.task, REPLY_FLAGS, WORDS(0));
        machine.instructions += 5000;
        assert_int_equal(pause_of(&server), 321);
        // What it answers later changes nothing.
        first_record(&server, (enum by)(i / 2), 77);
        assert_int_equal(pause_of(&server), 321);
        world_end(state);
    }
    begin(state);
}

static void after_a_replacement_from_when_the_old_one_was_done(void **state) {
    for (unsigned i = 0; i < 2 * BY_KINDS; i++) {
        begin(state);
        machine.fast = i & 1;
        first_record(&server, BY_EXIT, 5);
        world_exit(vcpu, EXIT_STAGE2, WORDS(1));
        struct server next = {.portal = server.portal, .portal_slot = server.portal_slot};
        server_make_task(&next);
        assert_int_equal(world_do(world.init, SYSCALL_BIND, BIND_PORTAL,
                                  WORDS(next.portal_slot, next.task_slot)),
                         STATUS_OK);
        server_start(&next);
        machine.instructions += 40000; // the old one takes its time
        world_sleep();
        world_run(server.task);
        world_reply(server.task, REPLY_FLAGS, WORDS(0));
        machine.instructions += 100;
        assert_int_equal(pause_of(&next), 0);
        first_record(&next, (enum by)(i / 2), 23);
        assert_int_equal(pause_of(&next), 123);
        // Who binds another is told of the last one's, which is over with that.
        world_run(world.init);
        assert_int_equal(world_do(world.init, SYSCALL_BIND, BIND_PORTAL,
                                  WORDS(server.portal_slot, server.task_slot)),
                         STATUS_OK);
        assert_int_equal(world_result(0), 123);
        assert_int_equal(pause_of(&server), 0);
        world_end(state);
    }
    begin(state);
}

static void the_first_answer_to_a_call_takes_no_short_way(void **state) {
    (void)state;
    world_sleep();
    assert_int_not_equal(server.portal->lost, 0);
    for (unsigned i = 0; i < 3; i++) {
        world_do(world.init, SYSCALL_SIGNAL, client.portal_slot, WORDS(0));
        world_call(client.task, SYSCALL_CALL, 1, WORDS(1));
        assert_ptr_equal(world_reply(server.task, 0, WORDS(2)), &client.task->context);
        assert_int_equal(server.portal->lost, 0);
        assert_int_equal(machine.fast_replies, i);
        world_wait(client.task);
    }
}

static void one_that_is_bound_nowhere_has_none(void **state) {
    (void)state;
    static struct server alone;
    server_make_task(&alone);
    server_start(&alone);
    machine.instructions += 100;
    assert_int_equal(pause_of(&alone), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(after_a_death_to_the_first_answer),
        TEST(after_a_replacement_from_when_the_old_one_was_done),
        TEST(the_first_answer_to_a_call_takes_no_short_way),
        TEST(one_that_is_bound_nowhere_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
