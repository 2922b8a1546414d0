// Losing a server loses nothing: what it served is pending again, and whoever is bound next gets
// it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/object/irq.h"
#include "kernel/object/pool.h"
#include "tests/unit/kernel/world.h"

static struct server server, other;
static struct guest guest;
static struct vcpu *vcpu;

static int begin(void **state) {
    world_begin(state);
    server_make(&server, 0, 71);
    server_make(&other, 0, 72);
    guest_make(&guest, &server, 0x42);
    server_grant(&server, 1, other.portal_slot, RIGHT_CALL, 0xa, 0);
    server_grant(&other, 1, server.portal_slot, RIGHT_CALL, 0xb, 0);
    vcpu = guest.vcpu[0];
    world_sleep();
    return 0;
}

// The running task is init, and has been told of a death.
static struct message told(uint64_t badge, enum fault cause) {
    struct task *init = world.init;
    for (unsigned i = 0; i < 4 && !(init->serving && init->serving->owner == RECORD_FAULT); i++) {
        world_wait(init); // it has something else to do first
    }
    world_run(init);
    struct message message = world_message();
    assert_int_equal(MESSAGE_CLASS(message.info), EXIT_FAULT);
    assert_int_equal(message.badge, badge);
    assert_int_equal(message.word[FAULT_WORD_CAUSE], cause);
    return message;
}

static void the_same_exit_goes_to_the_next_server_with_the_same_number(void **state) {
    (void)state;
    for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
        const uint64_t *words = WORDS(0x10 + c, 0x20, 0x30, 0x40);
        world_enter(vcpu);
        memcpy(machine.regs.general, words, 4 * sizeof(uint64_t));
        world_exit(vcpu, (enum exit_class)c, words);
        struct message first = world_message();
        for (unsigned attempt = 1; attempt <= 3; attempt++) {
            // Time passes, deadlines too: what is pending stays what it is.
            world_time(machine.now + 500);
            world_fault(server.task, FAULT_MEMORY, 1, 2);
            assert_int_equal(vcpu->state, VCPU_EXITED);
            assert_null(vcpu->record.server);
            struct message death = told(71, FAULT_MEMORY);
            assert_int_equal(death.word[FAULT_WORD_ATTEMPT], attempt);
            server_restart(&server, 71);
            world_sleep();
            world_run(server.task);
            struct message again = world_message();
            assert_int_equal(MESSAGE_ATTEMPT(again.info), attempt);
            assert_int_equal(MESSAGE_CLASS(again.info), c);
            again.info = first.info;
            assert_memory_equal(&again, &first, sizeof(first));
        }
        world_reply(server.task, REPLY_FLAGS, WORDS(0));
        assert_ptr_equal(machine.current, &vcpu->context);
        assert_int_equal(vcpu->record.seq, c + 1);
        // A new exit begins without attempts.
        world_exit(vcpu, EXIT_IO, WORDS(0));
        assert_int_equal(MESSAGE_ATTEMPT(world_message().info), 0);
        world_reply(server.task, REPLY_FLAGS, WORDS(0));
        vcpu->record.seq--; // as if it had not been: the next round counts again
        vcpu->count[EXIT_IO]--;
    }
}

static void a_deadline_that_passes_meanwhile_does_not_touch_the_pending_exit(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_reply(server.task, REPLY_FLAGS | REPLY_DEADLINE, WORDS(0, 0, 500));
    world_exit(vcpu, EXIT_STAGE2, WORDS(0x80001000, ACCESS_WRITE, 3, 4));
    world_time(600);
    assert_true(vcpu->due);
    world_fault(server.task, FAULT_MEMORY, 0, 0);
    server_restart(&server, 71);
    world_sleep();
    world_run(server.task);
    assert_int_equal(MESSAGE_CLASS(world_message().info), EXIT_STAGE2);
    assert_int_equal(world_message().word[0], 0x80001000);
    assert_int_equal(world_message().word[1], ACCESS_WRITE);
    // And comes to its server afterwards, with the time for which it was armed.
    machine.now = 700;
    assert_ptr_equal(world_reply(server.task, REPLY_FLAGS, WORDS(0)), &server.task->context);
    assert_int_equal(MESSAGE_CLASS(world_message().info), EXIT_TIMER);
    assert_int_equal(world_message().word[0], 500);
    assert_int_equal(world_message().word[1], 700);
}

static void a_hypercall_of_the_shortest_way_survives_as_well(void **state) {
    (void)state;
    const uint64_t *words = WORDS(1, 2, 3, 4, 5, 6, 7, 8);
    world_hypercall(vcpu, words);
    assert_int_equal(machine.fast_calls, 1);
    struct message first = world_message();
    world_fault(server.task, FAULT_BREAKPOINT, 3, 0);
    told(71, FAULT_BREAKPOINT);
    server_restart(&server, 71);
    world_sleep();
    world_run(server.task);
    struct message again = world_message();
    assert_int_equal(MESSAGE_ATTEMPT(again.info), 1);
    again.info = first.info;
    assert_memory_equal(&again, &first, sizeof(first));
    world_reply(server.task, REPLY_HYPERCALL, WORDS(70, 80));
    assert_ptr_equal(machine.current, &vcpu->context);
    assert_int_equal(machine.regs.general[0], 70);
    assert_int_equal(machine.regs.pc, WORLD_GUEST_PC + 4);
}

static void init_is_told_what_how_where_and_on_what(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_SYSREG, WORDS(1));
    world_run(server.task);
    machine.regs.pc = 0x8765;
    world_fault(server.task, FAULT_INSTRUCTION, 0x22, 0x33);
    assert_ptr_equal(machine.current, &world.init->context); // at once
    struct message death = told(71, FAULT_INSTRUCTION);
    assert_int_equal(death.seq, 1);
    assert_int_equal(death.word[FAULT_WORD_DETAIL], 0x22);
    assert_int_equal(death.word[FAULT_WORD_ADDRESS], 0x33);
    assert_int_equal(death.word[FAULT_WORD_PC], 0x8765);
    assert_int_equal(MESSAGE_CLASS(death.word[FAULT_WORD_INFO]), EXIT_SYSREG);
    assert_int_equal(death.word[FAULT_WORD_SEQ], 1);
    assert_int_equal(death.word[FAULT_WORD_ATTEMPT], 1);
    assert_int_equal(death.word[FAULT_WORD_BADGE], 0x42);
    assert_int_equal(server.task->state, TASK_DEAD);
}

static void a_death_without_a_record_says_so(void **state) {
    (void)state;
    static struct server idle;
    server_make(&idle, 0, 73);
    // It waits; init stops it.
    assert_int_equal(world_do(world.init, SYSCALL_TASK, idle.task_slot, WORDS(TASK_STOP, 5)),
                     STATUS_OK);
    struct message death = told(73, FAULT_STOPPED);
    assert_int_equal(death.word[FAULT_WORD_DETAIL], 5);
    assert_int_equal(death.word[FAULT_WORD_INFO], UINT64_MAX);
    assert_int_equal(death.word[FAULT_WORD_ATTEMPT], 0);
}

static void a_task_ends_itself_by_exit_or_by_stop(void **state) {
    (void)state;
    world_do(world.init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
    world_call(server.task, SYSCALL_EXIT, 0, WORDS(9));
    struct message death = told(71, FAULT_EXIT);
    assert_int_equal(death.word[FAULT_WORD_DETAIL], 9);
    assert_int_equal(MESSAGE_CLASS(death.word[FAULT_WORD_INFO]), EXIT_SIGNAL);
    server_grant(&other, 2, other.task_slot, RIGHT_MANAGE, 0, 0);
    world_do(world.init, SYSCALL_SIGNAL, other.portal_slot, WORDS(0));
    world_call(other.task, SYSCALL_TASK, 2, WORDS(TASK_STOP, 4));
    world_wait(world.init); // the death before
    assert_int_equal(told(72, FAULT_STOPPED).word[FAULT_WORD_DETAIL], 4);
    assert_int_equal(other.task->state, TASK_DEAD);
}

static void the_machine_ends_with_init(void **state) {
    (void)state;
    world_run(world.init);
    world_do(world.init, SYSCALL_TASK, server.task_slot, WORDS(TASK_STOP, 5));
    assert_int_equal(machine.end, MACHINE_ON);
    world_call(world.init, SYSCALL_EXIT, 0, WORDS(0));
    assert_int_equal(machine.end, MACHINE_OFF);
    assert_int_equal(world.init->state, TASK_DEAD);
}

static void the_machine_fails_with_init(void **state) {
    (void)state;
    world_run(world.init);
    world_call(world.init, SYSCALL_EXIT, 0, WORDS(1));
    assert_int_equal(machine.end, MACHINE_FAILED);
}

static void a_dead_task_stays_dead(void **state) {
    (void)state;
    world_run(world.init);
    world_do(world.init, SYSCALL_TASK, server.task_slot, WORDS(TASK_STOP, 5));
    uint64_t told_once = server.task->fault.seq;
    assert_int_equal(world_do(world.init, SYSCALL_TASK, server.task_slot, WORDS(TASK_START, 1)),
                     STATUS_BUSY);
    assert_int_equal(world_do(world.init, SYSCALL_TASK, server.task_slot, WORDS(TASK_STOP, 5)),
                     STATUS_BUSY);
    assert_int_equal(server.task->fault.seq, told_once);
    assert_int_equal(world_do(world.init, SYSCALL_TASK, server.task_slot, WORDS(TASK_READ)),
                     STATUS_OK);
    assert_int_equal(world_result(0), TASK_DEAD);
}

static void a_new_task_can_be_stopped_before_it_ran(void **state) {
    (void)state;
    static struct server fresh;
    world_run(world.init);
    server_make_task(&fresh);
    assert_int_equal(world_do(world.init, SYSCALL_TASK, fresh.task_slot, WORDS(TASK_STOP)),
                     STATUS_OK);
    assert_int_equal(world_do(world.init, SYSCALL_TASK, fresh.task_slot, WORDS(TASK_START)),
                     STATUS_BUSY);
}

static void a_call_survives_the_death_of_its_server(void **state) {
    (void)state;
    world_run(world.init);
    world_do(world.init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
    world_sleep();
    world_call(server.task, SYSCALL_CALL, 1, WORDS(5, 6, 7));
    struct message first = world_message();
    world_fault(other.task, FAULT_MEMORY, 0, 0);
    struct message death = told(72, FAULT_MEMORY);
    assert_int_equal(MESSAGE_CLASS(death.word[FAULT_WORD_INFO]), EXIT_CALL);
    assert_int_equal(death.word[FAULT_WORD_BADGE], 0xa);
    assert_int_equal(server.task->state, TASK_CALLING);
    server_restart(&other, 72);
    world_sleep();
    world_run(other.task);
    struct message again = world_message();
    assert_int_equal(MESSAGE_ATTEMPT(again.info), 1);
    again.info = first.info;
    assert_memory_equal(&again, &first, sizeof(first));
    assert_ptr_equal(world_reply(other.task, 0, WORDS(55)), &server.task->context);
    assert_int_equal(world_result(0), 55);
}

static void a_chain_is_taken_up_again_from_its_beginning(void **state) {
    (void)state;
    // The guest's exit made its server call; that server dies while its call is being served.
    world_exit(vcpu, EXIT_STAGE2, WORDS(1));
    world_call(server.task, SYSCALL_CALL, 1, WORDS(5));
    assert_ptr_equal(machine.current, &other.task->context);
    world_do(world.init, SYSCALL_TASK, server.task_slot, WORDS(TASK_STOP));
    assert_null(other.task->serving); // nobody waits for that answer
    world_run(other.task);
    world_reply(other.task, 0, WORDS(6)); // goes nowhere
    assert_int_equal(other.task->state, TASK_WAITING);
    server_restart(&server, 71);
    server_grant(&server, 1, other.portal_slot, RIGHT_CALL, 0xa, 0);
    world_sleep();
    world_run(server.task);
    assert_int_equal(MESSAGE_CLASS(world_message().info), EXIT_STAGE2);
    assert_int_equal(MESSAGE_ATTEMPT(world_message().info), 1);
    world_call(server.task, SYSCALL_CALL, 1, WORDS(5));
    assert_int_equal(MESSAGE_ATTEMPT(world_message().info), 0); // another task's call
    world_reply(other.task, 0, WORDS(6));
    world_reply(server.task, REPLY_FLAGS, WORDS(0));
    assert_ptr_equal(machine.current, &vcpu->context);
}

static void queued_records_keep_their_order_behind_the_one_that_was_served(void **state) {
    (void)state;
    world_run(world.init);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[1], WORDS(VCPU_START, 0x1000));
    world_do(world.init, SYSCALL_SIGNAL, other.portal_slot, WORDS(0));
    world_sleep();
    world_exit(vcpu, EXIT_SYSREG, WORDS(100));
    trap_switch(&guest.vcpu[1]->context);
    world_exit(guest.vcpu[1], EXIT_SYSREG, WORDS(101));
    world_call(other.task, SYSCALL_CALL, 1, WORDS(102));
    world_fault(server.task, FAULT_MEMORY, 0, 0);
    server_restart(&server, 71);
    world_sleep();
    const enum exit_class classes[] = {EXIT_SYSREG, EXIT_SYSREG, EXIT_CALL};
    for (unsigned i = 0; i < 3; i++) {
        world_run(server.task);
        assert_int_equal(MESSAGE_CLASS(world_message().info), classes[i]);
        assert_int_equal(world_message().word[0], 100 + i);
        assert_int_equal(MESSAGE_ATTEMPT(world_message().info), i == 0);
        world_reply(server.task, classes[i] == EXIT_CALL ? 0 : REPLY_FLAGS, WORDS(0));
    }
}

static void a_caller_that_dies_takes_its_queued_call_with_it(void **state) {
    (void)state;
    world_run(world.init);
    world_do(world.init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
    world_do(world.init, SYSCALL_SIGNAL, other.portal_slot, WORDS(0));
    world_call(server.task, SYSCALL_CALL, 1, WORDS(5)); // other is busy: it queues
    assert_ptr_equal(other.portal->head, &server.task->call);
    world_do(world.init, SYSCALL_TASK, server.task_slot, WORDS(TASK_STOP));
    assert_null(other.portal->head);
    assert_null(other.portal->tail);
    world_run(other.task);
    world_reply(other.task, 0, WORDS(0));
    assert_int_equal(other.task->state, TASK_WAITING);
}

static void attempts_are_of_one_record_not_of_all(void **state) {
    (void)state;
    unsigned line = world.next_slot;
    world_run(world.init);
    assert_int_equal(world_create(OBJECT_IRQ, 1, 9, 0, 0), line);
    world_do(world.init, SYSCALL_BIND, BIND_IRQ, WORDS(line, server.portal_slot, 3));
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned what = 0; what < 2; what++) {
            if (what) {
                world_line(9);
            } else {
                world_run(world.init);
                world_do(world.init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
            }
            world_sleep();
            world_run(server.task);
            assert_int_equal(MESSAGE_CLASS(world_message().info), what ? EXIT_IRQ : EXIT_SIGNAL);
            assert_int_equal(MESSAGE_ATTEMPT(world_message().info), 0);
            assert_int_equal(world_message().seq, round + 1);
            world_fault(server.task, FAULT_MEMORY, 0, 0);
            assert_int_equal(told(71, FAULT_MEMORY).word[FAULT_WORD_ATTEMPT], 1);
            server_restart(&server, 71);
            world_sleep();
            world_run(server.task);
            assert_int_equal(MESSAGE_ATTEMPT(world_message().info), 1);
            world_reply(server.task, 0, WORDS(0));
        }
    }
}

static void attempts_stop_counting_where_their_place_ends(void **state) {
    (void)state;
    world.careless = true;
    world_exit(vcpu, EXIT_SYSREG, WORDS(1));
    for (unsigned i = 1; i < 300; i++) {
        world_fault(server.task, FAULT_MEMORY, 0, 0);
        server_restart(&server, 71);
        world_sleep();
        world_run(server.task);
        assert_int_equal(MESSAGE_ATTEMPT(world_message().info), i < 255 ? i : 255);
        assert_int_equal(MESSAGE_CLASS(world_message().info), EXIT_SYSREG);
        assert_int_equal(world_message().info >> 32, 0);
    }
}

static void a_death_nobody_is_to_hear_of_is_silent(void **state) {
    (void)state;
    static struct server alone;
    world_run(world.init);
    server_make_task(&alone);
    server_start(&alone);
    world_do(world.init, SYSCALL_TASK, alone.task_slot, WORDS(TASK_STOP));
    assert_null(alone.task->fault.portal);
    world_run(world.init);
    assert_int_equal(alone.task->state, TASK_DEAD);
}

static void a_fault_whose_task_is_gone_is_not_answered(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_SYSREG, WORDS(1));
    world_fault(server.task, FAULT_MEMORY, 0, 0);
    told(71, FAULT_MEMORY);
    assert_int_equal(world_do(world.init, SYSCALL_DESTROY, server.task_slot, WORDS(0)), STATUS_OK);
    assert_null(world.init->serving);
    world_sleep();
    assert_int_equal(world.init->state, TASK_WAITING);
}

static void a_load_that_may_fail_goes_on_where_it_was_said(void **state) {
    (void)state;
    world_do(world.init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
    world_do(server.task, SYSCALL_TASK, 0,
             WORDS(TASK_RECEIVE, WORLD_SERVER_PC, 0x9000, 0x78, 0x500, 0x600, 0x700));
    machine.regs.pc = 0x5fc;
    assert_ptr_equal(world_fault(server.task, FAULT_MEMORY, 0, 0), &server.task->context);
    assert_int_equal(machine.regs.pc, 0x700);
    machine.regs.pc = 0x600;
    world_fault(server.task, FAULT_MEMORY, 0, 0);
    assert_int_equal(server.task->state, TASK_DEAD);
}

static void ten_thousand_restarts_leave_memory_as_it_was(void **state) {
    (void)state;
    world.careless = true;
    static struct pool_page before[WORLD_PAGES];
    for (unsigned i = 0; i < 10000; i++) {
        world_exit(vcpu, (enum exit_class)(i % EXIT_GUEST_CLASSES), WORDS(i));
        uint64_t seq = vcpu->record.seq;
        if (i % 5 == 0) {
            world_call(server.task, SYSCALL_CALL, 1, WORDS(i));
            world_do(world.init, SYSCALL_TASK, server.task_slot, WORDS(TASK_STOP));
        } else {
            world_fault(server.task, (enum fault)(i % FAULT_COUNT), 0, 0);
        }
        server_restart(&server, 71);
        server_grant(&server, 1, other.portal_slot, RIGHT_CALL, 0xa, 0);
        assert_int_equal(world_do(world.init, SYSCALL_MAP, server.space_slot,
                                  WORDS(0x1000, INIT_SLOT_HIGH, 0, 0x3000, RIGHT_R)),
                         STATUS_OK);
        world_sleep();
        if (i % 5 == 0) {
            world_run(other.task);
            world_reply(other.task, 0, WORDS(0));
        }
        world_run(server.task);
        assert_int_equal(world_message().seq, seq);
        world_reply(server.task, REPLY_FLAGS, WORDS(0));
        for (uint32_t page = 0; page < pool.count; page++) {
            if (i == 0) {
                before[page] = pool.page[page];
            }
            assert_int_equal(pool.page[page].type, before[page].type);
            assert_int_equal(pool.page[page].pages, before[page].pages);
        }
        world.careless = i % 100 != 0;
    }
    assert_int_equal(vcpu->record.seq, 10000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_machine_ends_with_init),
        TEST(the_machine_fails_with_init),
        TEST(the_same_exit_goes_to_the_next_server_with_the_same_number),
        TEST(a_deadline_that_passes_meanwhile_does_not_touch_the_pending_exit),
        TEST(a_hypercall_of_the_shortest_way_survives_as_well),
        TEST(init_is_told_what_how_where_and_on_what),
        TEST(a_death_without_a_record_says_so),
        TEST(a_task_ends_itself_by_exit_or_by_stop),
        TEST(a_dead_task_stays_dead),
        TEST(a_new_task_can_be_stopped_before_it_ran),
        TEST(a_call_survives_the_death_of_its_server),
        TEST(a_chain_is_taken_up_again_from_its_beginning),
        TEST(queued_records_keep_their_order_behind_the_one_that_was_served),
        TEST(a_caller_that_dies_takes_its_queued_call_with_it),
        TEST(attempts_are_of_one_record_not_of_all),
        TEST(attempts_stop_counting_where_their_place_ends),
        TEST(a_death_nobody_is_to_hear_of_is_silent),
        TEST(a_fault_whose_task_is_gone_is_not_answered),
        TEST(a_load_that_may_fail_goes_on_where_it_was_said),
        TEST(ten_thousand_restarts_leave_memory_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
