// The way of an exit to its server: every class, its words, its badge, its number.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/vcpu.h"
#include "tests/unit/kernel/world.h"

#define BADGE 0x42

static struct server server;
static struct guest guest;

static int begin(void **state) {
    world_begin(state);
    server_make(&server, 0, 7);
    guest_make(&guest, &server, BADGE);
    world_sleep();
    return 0;
}

static void each_class_brings_its_words_badge_number_and_place(void **state) {
    (void)state;
    struct vcpu *vcpu = guest.vcpu[0];
    for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
        world_enter(vcpu);
        machine.regs.pc = 0x1000ull * (c + 1);
        machine.regs.user = c % 2;
        for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
            machine.regs.general[i] = 0x900 + i;
        }
        struct context *next = world_exit(vcpu, (enum exit_class)c, WORDS(c, 2, 3, 4));
        assert_ptr_equal(next, &server.task->context);
        struct message message = world_message();
        assert_int_equal(MESSAGE_CLASS(message.info), c);
        assert_int_equal(MESSAGE_VCPU(message.info), 0);
        assert_int_equal(MESSAGE_MODE(message.info), c % 2 ? 0 : 1);
        assert_int_equal(MESSAGE_ATTEMPT(message.info), 0);
        assert_int_equal(message.pc, 0x1000ull * (c + 1));
        assert_int_equal(message.seq, c + 1);
        assert_int_equal(message.badge, BADGE);
        for (unsigned i = 0; i < 4; i++) {
            // A hypercall's words are the guest's own registers.
            uint64_t word = c == EXIT_HYPERCALL ? 0x900 + i : i ? i + 1 : c;
            assert_int_equal(message.word[i], word);
        }
        assert_int_equal(vcpu->state, VCPU_EXITED);
        assert_ptr_equal(vcpu->record.server, server.task);
        assert_ptr_equal(world_reply(server.task, REPLY_FLAGS, WORDS(0)), &vcpu->context);
        assert_int_equal(machine.regs.pc, 0x1000ull * (c + 1));
    }
}

static void classes_go_where_their_routes_lead(void **state) {
    (void)state;
    static struct server other;
    server_make(&other, 0, 8);
    guest_route(&guest, 0, EXIT_STAGE2, other.portal_slot, 5, MAY_ALL, 0, 0);
    world_sleep();
    assert_ptr_equal(world_exit(guest.vcpu[0], EXIT_STAGE2, WORDS(1)), &other.task->context);
    assert_int_equal(world_message().badge, 5);
    world_reply(other.task, REPLY_FLAGS, WORDS(0));
    assert_ptr_equal(world_exit(guest.vcpu[0], EXIT_SYSREG, WORDS(1)), &server.task->context);
    assert_int_equal(world_message().badge, BADGE);
}

static void a_route_says_nothing_unknown(void **state) {
    (void)state;
    const struct route before = guest.vcpu[0]->route[EXIT_STAGE2];
    for (unsigned bit = 13; bit < 64; bit++) {
        assert_int_equal(
            world_do(world.init, SYSCALL_BIND, BIND_ROUTE,
                     WORDS(guest.vcpu_slot[0], EXIT_STAGE2, server.portal_slot, 1, 1ull << bit)),
            STATUS_INVALID);
    }
    assert_int_equal(world_do(world.init, SYSCALL_BIND, BIND_ROUTE,
                              WORDS(guest.vcpu_slot[0], EXIT_GUEST_CLASSES, server.portal_slot)),
                     STATUS_RANGE);
    assert_int_equal(world_do(world.init, SYSCALL_BIND, BIND_ROUTE,
                              WORDS(guest.vcpu_slot[0], UINT64_MAX, server.portal_slot)),
                     STATUS_RANGE);
    assert_memory_equal(&before, &guest.vcpu[0]->route[EXIT_STAGE2], sizeof(before));
}

static void an_exit_without_a_route_stops_the_vcpu(void **state) {
    (void)state;
    unsigned slot = world_create(OBJECT_VCPU, 1, guest.space_slot, 9, 0);
    struct vcpu *vcpu = world_object(slot);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_STOP));
    for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
        assert_int_equal(world_do(world.init, SYSCALL_VCPU, slot, WORDS(VCPU_START, 0x1000)),
                         STATUS_OK);
        world_sleep();
        assert_null(world_exit(vcpu, (enum exit_class)c, WORDS(1)));
        assert_int_equal(vcpu->state, VCPU_OFF);
        assert_null(vcpu->record.portal);
    }
}

static void a_busy_servers_exits_queue_and_other_guests_run_on(void **state) {
    (void)state;
    for (unsigned i = 1; i < GUEST_VCPUS; i++) {
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[i], WORDS(VCPU_START, 0x2000ull * i));
    }
    world_sleep();
    world_exit(guest.vcpu[0], EXIT_SYSREG, WORDS(10));
    world_run(server.task);
    // It is preempted while it works, and so the others come to run.
    trap_switch(&guest.vcpu[1]->context);
    world_exit(guest.vcpu[1], EXIT_SYSREG, WORDS(11));
    assert_ptr_equal(machine.current, &server.task->context);
    trap_switch(&guest.vcpu[2]->context);
    world_exit(guest.vcpu[2], EXIT_SYSREG, WORDS(12));
    for (unsigned i = 0; i < GUEST_VCPUS; i++) {
        world_run(server.task);
        assert_int_equal(world_message().word[0], 10 + i);
        assert_int_equal(MESSAGE_VCPU(world_message().info), i);
        world_reply(server.task, REPLY_FLAGS, WORDS(0));
    }
    assert_int_equal(server.task->state, TASK_WAITING);
}

static void the_sequence_number_grows_by_one_with_each_exit_of_that_vcpu(void **state) {
    (void)state;
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[1], WORDS(VCPU_START, 0x2000));
    world_sleep();
    for (unsigned i = 1; i < 20; i++) {
        machine.fast = i % 3 != 0;
        world_hypercall(guest.vcpu[0], WORDS(0));
        assert_int_equal(world_message().seq, i);
        world_reply(server.task, REPLY_HYPERCALL, WORDS(0));
        if (i % 2) {
            world_exit(guest.vcpu[1], EXIT_SYSREG, WORDS(0));
            assert_int_equal(world_message().seq, (i + 1) / 2);
            world_reply(server.task, REPLY_FLAGS, WORDS(0));
        }
    }
}

static void counters_name_each_class_and_together_are_all_exits(void **state) {
    (void)state;
    struct vcpu *vcpu = guest.vcpu[0];
    for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
        for (unsigned i = 0; i < 10 + c; i++) {
            machine.fast = i % 2;
            if (c == EXIT_HYPERCALL) {
                world_hypercall(vcpu, WORDS(0));
            } else {
                world_exit(vcpu, (enum exit_class)c, WORDS(0));
            }
            world_reply(server.task, REPLY_FLAGS, WORDS(0));
        }
    }
    assert_int_equal(world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_COUNTERS)),
                     STATUS_OK);
    for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
        assert_int_equal(world_result(c), 10 + c);
    }
    assert_int_equal(world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_STATE)),
                     STATUS_OK);
    assert_int_equal(world_result(2), vcpu->record.seq);
}

static void a_server_reads_registers_of_the_exit_it_serves_within_the_mask(void **state) {
    (void)state;
    guest_route(&guest, 0, EXIT_STAGE2, server.portal_slot, BADGE, MAY_ALL, 0, 1u << 0 | 1u << 9);
    server_grant(&server, 1, guest.vcpu_slot[0], RIGHT_R, 0, 0);
    world_sleep();
    world_enter(guest.vcpu[0]);
    machine.regs.general[0] = 100;
    machine.regs.general[9] = 109;
    world_exit(guest.vcpu[0], EXIT_STAGE2, WORDS(0));
    for (unsigned reg = 0; reg < 40; reg++) {
        enum status status = world_do(server.task, SYSCALL_VCPU, 1, WORDS(VCPU_READ, reg));
        assert_int_equal(status, reg == 0 || reg == 9 ? STATUS_OK : STATUS_DENIED);
        if (status == STATUS_OK) {
            assert_int_equal(world_result(0), 100 + reg);
        }
    }
    assert_int_equal(world_do(server.task, SYSCALL_VCPU, 1, WORDS(VCPU_READ, UINT64_MAX)),
                     STATUS_DENIED);
    // Not of another vCPU, not of one whose exit it has answered.
    server_grant(&server, 2, guest.vcpu_slot[1], RIGHT_R, 0, 0);
    assert_int_equal(world_do(server.task, SYSCALL_VCPU, 2, WORDS(VCPU_READ, 9)), STATUS_DENIED);
    world_reply(server.task, REPLY_FLAGS, WORDS(0));
    world_do(world.init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
    assert_int_equal(world_do(server.task, SYSCALL_VCPU, 1, WORDS(VCPU_READ, 9)), STATUS_DENIED);
}

static void a_server_looks_at_interrupts(void **state) {
    (void)state;
    server_grant(&server, 1, guest.vcpu_slot[0], RIGHT_R, 0, 0);
    server_grant(&server, 2, guest.vcpu_slot[1], RIGHT_R, 0, 0);
    world_sleep();
    world_enter(guest.vcpu[0]);
    arch_vcpu_raise(guest.vcpu[1], INTERRUPT_TIMER, false);
    world_exit(guest.vcpu[0], EXIT_STAGE2, WORDS(0));
    for (unsigned i = 0; i < INTERRUPT_COUNT; i++) {
        assert_int_equal(world_do(server.task, SYSCALL_VCPU, 1, WORDS(VCPU_LOOK, i)), STATUS_OK);
        assert_int_equal(world_result(0), 0);
        assert_int_equal(world_do(server.task, SYSCALL_VCPU, 2, WORDS(VCPU_LOOK, i)), STATUS_OK);
        assert_int_equal(world_result(0), i == INTERRUPT_TIMER ? VCPU_LOOK_PENDING : 0);
    }
    const uint64_t wrong[] = {INTERRUPT_COUNT, 1ull << 32, UINT64_MAX};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(world_do(server.task, SYSCALL_VCPU, 2, WORDS(VCPU_LOOK, wrong[i])),
                         STATUS_INVALID);
    }
    world_reply(server.task, REPLY_FLAGS, WORDS(0));
}

static uint64_t interrupt(unsigned slot, uint64_t what, uint64_t number, uint64_t output) {
    return world_do(server.task, SYSCALL_VCPU, slot, WORDS(VCPU_INTERRUPT, what, number, output));
}

static uint64_t held(unsigned slot, uint64_t number) {
    assert_int_equal(world_do(server.task, SYSCALL_VCPU, slot, WORDS(VCPU_LOOK, number)),
                     STATUS_OK);
    return world_result(0);
}

static void a_numbered_interrupt_is_raised_and_taken_back_once(void **state) {
    (void)state;
    const uint64_t line = INTERRUPT_EXTERNAL;
    server_grant(&server, 1, guest.vcpu_slot[0], RIGHT_R | RIGHT_W, 0, 0);
    server_grant(&server, 2, guest.vcpu_slot[1], RIGHT_R | RIGHT_W, 0, 0);
    world_do(world.init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0)); // no exit is needed
    world_sleep();
    assert_int_equal(interrupt(1, VCPU_INTERRUPT_RAISE, line, 5), STATUS_OK);
    assert_int_equal(held(1, line), VCPU_LOOK_PENDING);
    assert_int_equal(interrupt(1, VCPU_INTERRUPT_TAKE_BACK, line, 6), STATUS_OK);
    assert_int_equal(held(1, line), 0);
    // What has been done is not done again, by whomever it is repeated.
    for (uint64_t output = 0; output <= 6; output++) {
        assert_int_equal(interrupt(1, VCPU_INTERRUPT_RAISE, line, output), STATUS_OK);
        assert_int_equal(held(1, line), 0);
    }
    // Each vCPU has numbers of its own.
    assert_int_equal(interrupt(2, VCPU_INTERRUPT_RAISE, line, 1), STATUS_OK);
    assert_int_equal(held(2, line), VCPU_LOOK_PENDING);
    assert_int_equal(held(1, line), 0);
}

static void a_wrong_interrupt_changes_nothing(void **state) {
    (void)state;
    server_grant(&server, 1, guest.vcpu_slot[0], RIGHT_R | RIGHT_W, 0, 0);
    world_do(world.init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
    world_sleep();
    assert_int_equal(interrupt(1, VCPU_INTERRUPT_RAISE, INTERRUPT_COUNT, 7), STATUS_INVALID);
    assert_int_equal(interrupt(1, VCPU_INTERRUPT_TIMER + 1, INTERRUPT_TIMER, 7), STATUS_INVALID);
    assert_int_equal(interrupt(1, UINT64_MAX, INTERRUPT_TIMER, 7), STATUS_INVALID);
    // Nor has it used up its number.
    assert_int_equal(interrupt(1, VCPU_INTERRUPT_RAISE, INTERRUPT_TIMER, 7), STATUS_OK);
    assert_int_equal(held(1, INTERRUPT_TIMER), VCPU_LOOK_PENDING);
}

static void an_interrupt_ends_a_wait(void **state) {
    (void)state;
    server_grant(&server, 1, guest.vcpu_slot[0], RIGHT_R | RIGHT_W, 0, 0);
    world_sleep();
    world_enter(guest.vcpu[0]);
    machine_guest(guest.vcpu[0])->enabled = 1 << INTERRUPT_EXTERNAL;
    world_exit(guest.vcpu[0], EXIT_IDLE, WORDS(0));
    world_reply(server.task, REPLY_FLAGS | REPLY_ADVANCE | REPLY_PARK, WORDS(0));
    assert_int_equal(guest.vcpu[0]->state, VCPU_PARKED);
    world_do(world.init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
    world_sleep();
    assert_int_equal(interrupt(1, VCPU_INTERRUPT_TAKE_BACK, INTERRUPT_EXTERNAL, 1), STATUS_OK);
    assert_int_equal(interrupt(1, VCPU_INTERRUPT_RAISE, INTERRUPT_TIMER, 2), STATUS_OK);
    assert_int_equal(guest.vcpu[0]->state, VCPU_PARKED); // it lets in another one only
    assert_int_equal(interrupt(1, VCPU_INTERRUPT_RAISE, INTERRUPT_EXTERNAL, 3), STATUS_OK);
    assert_int_equal(guest.vcpu[0]->state, VCPU_RUNNABLE);
    world_reply(server.task, 0, WORDS(0));
    assert_ptr_equal(machine.current, &guest.vcpu[0]->context);
}

static void an_end_that_is_to_be_reported_is_an_exit_of_its_own(void **state) {
    (void)state;
    server_grant(&server, 1, guest.vcpu_slot[0], RIGHT_R | RIGHT_W, 0, 0);
    world_sleep();
    world_enter(guest.vcpu[0]);
    world_exit(guest.vcpu[0], EXIT_IDLE, WORDS(0));
    uint64_t seq = guest.vcpu[0]->record.seq;
    const uint64_t both[] = {INTERRUPT_SOFTWARE, INTERRUPT_EXTERNAL};
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(interrupt(1, VCPU_INTERRUPT_RAISE, both[i] | INTERRUPT_NOTIFY, i + 1),
                         STATUS_OK);
    }
    // The exit that is pending is answered first; its vCPU, though it was to wait, has one more.
    world_reply(server.task, REPLY_FLAGS | REPLY_ADVANCE | REPLY_PARK, WORDS(0));
    assert_ptr_equal(machine.current, &server.task->context);
    const struct record *record = server.task->serving;
    assert_ptr_equal(record, &guest.vcpu[0]->record);
    assert_int_equal(MESSAGE_CLASS(record->info), EXIT_WINDOW);
    assert_int_equal(record->seq, seq + 1);
    assert_int_equal(record->word[0], 1u << INTERRUPT_SOFTWARE | 1u << INTERRUPT_EXTERNAL);
    assert_int_equal(record->word[1], 0);
    world_reply(server.task, REPLY_FLAGS, WORDS(0));
    assert_ptr_equal(machine.current, &guest.vcpu[0]->context);
    assert_int_equal(vcpu_count(guest.vcpu[0], EXIT_WINDOW), 1);
}

static void tracing_counts_instructions_by_class_and_changes_nothing_else(void **state) {
    (void)state;
    struct vcpu *vcpu = guest.vcpu[0];
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_TRACE, 1));
    world_sleep();
    for (unsigned i = 0; i < 3; i++) {
        world_hypercall(vcpu, WORDS(5));
        assert_int_equal(machine.fast_calls, 0);
        assert_int_equal(world_message().word[0], 5);
        machine.instructions += 100;
        world_reply(server.task, REPLY_HYPERCALL, WORDS(7, 8));
        assert_ptr_equal(machine.current, &vcpu->context);
        assert_int_equal(machine.regs.general[0], 7);
        machine.instructions += 1000;
        world_exit(vcpu, EXIT_STAGE2, WORDS(0));
        machine.instructions += 10;
        world_reply(server.task, REPLY_FLAGS | REPLY_ADVANCE, WORDS(0));
        machine.instructions += 1000;
    }
    assert_int_equal(world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_TIMES)),
                     STATUS_OK);
    assert_int_equal(world_result(EXIT_HYPERCALL), 300);
    assert_int_equal(world_result(EXIT_STAGE2), 30);
    assert_int_equal(world_result(EXIT_TIMER), 0);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_TRACE, 0));
    world_sleep();
    world_hypercall(vcpu, WORDS(5));
    assert_int_equal(machine.fast_calls, 1);
}

static void a_route_changed_while_an_exit_is_pending_leaves_it_where_it_is(void **state) {
    (void)state;
    static struct server other;
    server_make(&other, 0, 8);
    world_sleep();
    world_exit(guest.vcpu[0], EXIT_STAGE2, WORDS(1));
    guest_route(&guest, 0, EXIT_STAGE2, other.portal_slot, 5, MAY_ALL, 0, 0);
    world_sleep();
    world_run(server.task);
    world_reply(server.task, REPLY_FLAGS, WORDS(0));
    assert_ptr_equal(world_exit(guest.vcpu[0], EXIT_STAGE2, WORDS(1)), &other.task->context);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_class_brings_its_words_badge_number_and_place),
        TEST(classes_go_where_their_routes_lead),
        TEST(a_route_says_nothing_unknown),
        TEST(an_exit_without_a_route_stops_the_vcpu),
        TEST(a_busy_servers_exits_queue_and_other_guests_run_on),
        TEST(the_sequence_number_grows_by_one_with_each_exit_of_that_vcpu),
        TEST(counters_name_each_class_and_together_are_all_exits),
        TEST(a_server_reads_registers_of_the_exit_it_serves_within_the_mask),
        TEST(a_server_looks_at_interrupts),
        TEST(a_numbered_interrupt_is_raised_and_taken_back_once),
        TEST(a_wrong_interrupt_changes_nothing),
        TEST(an_interrupt_ends_a_wait),
        TEST(an_end_that_is_to_be_reported_is_an_exit_of_its_own),
        TEST(tracing_counts_instructions_by_class_and_changes_nothing_else),
        TEST(a_route_changed_while_an_exit_is_pending_leaves_it_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
