// Deadlines: whenever one passes, whatever the vCPU is doing, its server hears of it once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/tick.h"
#include "kernel/sched/sched.h"
#include "tests/unit/kernel/world.h"

static struct server server;
static struct guest guest;
static struct vcpu *vcpu;

static int begin(void **state) {
    world_begin(state);
    server_make(&server, 0, 1);
    guest_make(&guest, &server, 0x42);
    vcpu = guest.vcpu[0];
    world_sleep();
    world_enter(vcpu);
    return 0;
}

// Arms the deadline by an exit's answer; further effects may come with it.
static void arm(uint64_t deadline, uint64_t flags) {
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    world_reply(server.task, REPLY_FLAGS | REPLY_DEADLINE | flags, WORDS(0, 0, deadline));
}

static void start_second(void) {
    world_run(world.init);
    assert_int_equal(
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[1], WORDS(VCPU_START, 0x5000)),
        STATUS_OK);
    world_sleep();
}

// The server has received the TIMER exit for DEADLINE.
static void timer_exit(uint64_t deadline, uint64_t now) {
    assert_ptr_equal(machine.current, &server.task->context);
    struct message message = world_message();
    assert_int_equal(MESSAGE_CLASS(message.info), EXIT_TIMER);
    assert_int_equal(message.word[0], deadline);
    assert_int_equal(message.word[1], now);
    assert_int_equal(vcpu->state, VCPU_EXITED);
}

static void a_deadline_that_passes_while_it_runs_is_an_exit(void **state) {
    (void)state;
    arm(500, 0);
    assert_ptr_equal(world_time(499), &vcpu->context);
    world_time(500);
    timer_exit(500, 500);
    assert_int_equal(MESSAGE_MODE(world_message().info), 0);
    assert_int_equal(vcpu->deadline, DEADLINE_NEVER);
    world_reply(server.task, REPLY_FLAGS | REPLY_RAISE | REPLY_INTERRUPT(INTERRUPT_TIMER),
                WORDS(0));
    assert_ptr_equal(machine.current, &vcpu->context);
    assert_int_equal(machine_guest(vcpu)->pending, 1 << INTERRUPT_TIMER);
    // Once.
    world_time(900);
    assert_ptr_equal(machine.current, &vcpu->context);
    assert_int_equal(vcpu->record.seq, 2);
}

static void the_same_with_a_second_vcpu_about(void **state) {
    (void)state;
    start_second();
    world_enter(vcpu);
    arm(500, 0);
    world_enter(guest.vcpu[1]);
    assert_ptr_equal(world_time(499), &guest.vcpu[1]->context);
    world_time(500);
    // The other one runs on; this one's exit comes at its turn.
    assert_ptr_equal(machine.current, &guest.vcpu[1]->context);
    assert_true(vcpu->due);
    world_time(ARCH_TICK);
    timer_exit(500, ARCH_TICK);
}

static void a_deadline_in_the_past_is_due_at_once(void **state) {
    (void)state;
    world_time(700);
    arm(3, 0);
    assert_ptr_equal(machine.current, &vcpu->context);
    assert_int_equal(machine.timer, 3);
    world_time(700);
    timer_exit(3, 700);
}

static void a_deadline_that_passes_while_an_exit_is_pending_comes_behind_it(void **state) {
    (void)state;
    arm(500, 0);
    world_exit(vcpu, EXIT_SYSREG, WORDS(7));
    assert_ptr_equal(world_time(600), &server.task->context);
    assert_int_equal(MESSAGE_CLASS(world_message().info), EXIT_SYSREG);
    world_reply(server.task, REPLY_FLAGS | REPLY_ADVANCE, WORDS(0));
    timer_exit(500, 600);
    assert_int_equal(world_message().pc, WORLD_GUEST_PC + 4);
    world_reply(server.task, REPLY_FLAGS, WORDS(0));
    assert_ptr_equal(machine.current, &vcpu->context);
    assert_int_equal(vcpu->record.seq, 3);
}

static void the_same_behind_the_shortest_way(void **state) {
    (void)state;
    arm(500, 0);
    world_hypercall(vcpu, WORDS(7));
    assert_int_equal(machine.fast_calls, 1);
    assert_ptr_equal(world_time(600), &server.task->context);
    world_reply(server.task, REPLY_HYPERCALL, WORDS(1, 2));
    assert_int_equal(machine.fast_answers, 0); // the shortest way does not look whether it is due
    timer_exit(500, 600);
    assert_int_equal(vcpu->context.regs.general[0], 1);
}

static void a_deadline_armed_anew_takes_the_old_one_back(void **state) {
    (void)state;
    arm(500, 0);
    arm(900, 0);
    assert_ptr_equal(world_time(899), &vcpu->context);
    world_time(900);
    timer_exit(900, 900);
}

static void a_deadline_that_is_due_is_taken_back_by_a_new_one(void **state) {
    (void)state;
    arm(500, 0);
    world_exit(vcpu, EXIT_SYSREG, WORDS(7));
    world_time(600);
    assert_true(vcpu->due);
    world_reply(server.task, REPLY_FLAGS | REPLY_DEADLINE, WORDS(0, 0, 5000));
    assert_ptr_equal(machine.current, &vcpu->context);
    assert_false(vcpu->due);
}

static void never_takes_a_deadline_back(void **state) {
    (void)state;
    arm(500, 0);
    arm(DEADLINE_NEVER, 0);
    assert_ptr_equal(world_time(5000), &vcpu->context);
    assert_int_equal(vcpu->record.seq, 2);
}

static void a_parked_vcpu_is_told_of_its_deadline(void **state) {
    (void)state;
    arm(500, REPLY_PARK);
    assert_null(machine.current);
    assert_int_equal(vcpu->state, VCPU_PARKED);
    assert_null(world_time(499));
    world_time(500);
    timer_exit(500, 500);
    assert_int_equal(MESSAGE_MODE(world_message().info), 1);
    // It need not go on for that.
    assert_null(world_reply(server.task, REPLY_FLAGS | REPLY_PARK, WORDS(0)));
    assert_int_equal(vcpu->state, VCPU_PARKED);
    assert_null(world_time(5000));
    assert_int_equal(vcpu->record.seq, 2);
}

static void a_deadline_long_past_is_told_of_a_parked_vcpu(void **state) {
    (void)state;
    arm(500, 0);
    world_exit(vcpu, EXIT_IDLE, WORDS(0));
    world_time(600);
    world_reply(server.task, REPLY_FLAGS | REPLY_PARK, WORDS(0));
    timer_exit(500, 600);
    assert_int_equal(MESSAGE_MODE(world_message().info), 1);
    assert_ptr_equal(world_reply(server.task, REPLY_FLAGS, WORDS(0)), &vcpu->context);
}

// The server that is told dies: the next one is told the same, of a vCPU that is parked.
static void a_parked_vcpus_deadline_outlives_the_server(void **state) {
    (void)state;
    arm(500, REPLY_PARK);
    world_time(500);
    timer_exit(500, 500);
    struct message first = world_message();
    machine.now = 700;
    world_fault(server.task, FAULT_MEMORY, 0, 0);
    server_restart(&server, 1);
    world_sleep();
    world_run(server.task);
    timer_exit(500, 500);
    assert_int_equal(world_message().seq, first.seq);
    assert_int_equal(MESSAGE_MODE(world_message().info), 1);
    assert_int_equal(MESSAGE_ATTEMPT(world_message().info), 1);
    assert_null(world_reply(server.task, REPLY_FLAGS | REPLY_PARK, WORDS(0)));
    assert_int_equal(vcpu->state, VCPU_PARKED);
    assert_null(world_time(5000));
}

static void a_tick_takes_no_turn_from_one_that_parks(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_IDLE, WORDS(0));
    world_ticks(1);
    assert_int_equal(vcpu->due, DUE_TURN);
    assert_null(world_reply(server.task, REPLY_FLAGS | REPLY_PARK, WORDS(0)));
    assert_int_equal(vcpu->state, VCPU_PARKED);
    assert_int_equal(vcpu->due, 0);
    assert_false(vcpu->context.queued);
}

// What it waits for has come between the deadline and the exit that tells of it: it is parked no
// more. What it does not listen to changes nothing.
static void an_interrupt_meanwhile_is_no_end_of_the_deadline(void **state) {
    (void)state;
    server_grant(&server, 1, guest.vcpu_slot[0], RIGHT_R | RIGHT_W, 0, 0);
    start_second();
    world_enter(vcpu);
    machine_guest(vcpu)->enabled = 1 << INTERRUPT_EXTERNAL;
    const uint64_t which[] = {INTERRUPT_SOFTWARE, INTERRUPT_EXTERNAL};
    for (unsigned i = 0; i < 2; i++) {
        world_enter(vcpu);
        arm(machine.now + 500, REPLY_PARK);
        assert_int_equal(vcpu->state, VCPU_PARKED);
        world_exit(guest.vcpu[1], EXIT_SYSREG, WORDS(0));
        world_time(machine.now + 500);
        assert_int_equal(vcpu->state, VCPU_PARKED);
        assert_true(vcpu->context.queued);
        assert_int_equal(world_do(server.task, SYSCALL_VCPU, 1,
                                  WORDS(VCPU_INTERRUPT, VCPU_INTERRUPT_RAISE, which[i], i + 1)),
                         STATUS_OK);
        assert_int_equal(vcpu->state, i == 0 ? VCPU_PARKED : VCPU_RUNNABLE);
        world_reply(server.task, REPLY_FLAGS | REPLY_PARK, WORDS(0));
        assert_ptr_equal(machine.current, &server.task->context);
        assert_ptr_equal(server.task->serving, &vcpu->record);
        assert_int_equal(MESSAGE_MODE(world_message().info), i == 0);
        world_reply(server.task, REPLY_FLAGS, WORDS(0));
        assert_ptr_equal(machine.current, &vcpu->context);
        vcpu_unpark(guest.vcpu[1]);
    }
}

static void an_interrupt_that_is_pending_already_does_not_park(void **state) {
    (void)state;
    machine_guest(vcpu)->enabled = 1 << INTERRUPT_EXTERNAL;
    world_exit(vcpu, EXIT_IDLE, WORDS(0));
    machine_guest(vcpu)->pending = 1 << INTERRUPT_EXTERNAL; // between the exit and its answer
    assert_ptr_equal(world_reply(server.task, REPLY_FLAGS | REPLY_PARK, WORDS(0)), &vcpu->context);
    // Or raised with that very answer.
    machine_guest(vcpu)->pending = 0;
    world_exit(vcpu, EXIT_IDLE, WORDS(0));
    assert_ptr_equal(
        world_reply(server.task,
                    REPLY_FLAGS | REPLY_PARK | REPLY_RAISE | REPLY_INTERRUPT(INTERRUPT_EXTERNAL),
                    WORDS(0)),
        &vcpu->context);
    // One that it does not listen to changes nothing.
    machine_guest(vcpu)->pending = 1 << INTERRUPT_TIMER;
    world_exit(vcpu, EXIT_IDLE, WORDS(0));
    assert_null(world_reply(server.task, REPLY_FLAGS | REPLY_PARK, WORDS(0)));
}

static void another_vcpus_interrupt_unparks(void **state) {
    (void)state;
    start_second();
    world_exit(vcpu, EXIT_IDLE, WORDS(0));
    world_reply(server.task, REPLY_FLAGS | REPLY_PARK, WORDS(0));
    assert_int_equal(vcpu->state, VCPU_PARKED);
    world_exit(guest.vcpu[1], EXIT_HYPERCALL, WORDS(0));
    world_reply(server.task, REPLY_FLAGS | REPLY_RAISE | REPLY_INTERRUPT(INTERRUPT_SOFTWARE),
                WORDS(0, 0, 0, 0, 1));
    assert_int_equal(vcpu->state, VCPU_RUNNABLE);
    world_enter(vcpu);
    assert_int_equal(machine_guest(vcpu)->pending, 1 << INTERRUPT_SOFTWARE);
}

static void parked_while_another_parks_at_the_same_time_nobody_is_lost(void **state) {
    (void)state;
    start_second();
    arm(500, REPLY_PARK);
    world_exit(guest.vcpu[1], EXIT_IDLE, WORDS(0));
    world_reply(server.task, REPLY_FLAGS | REPLY_DEADLINE | REPLY_PARK, WORDS(0, 0, 500));
    assert_null(machine.current);
    world_time(500);
    assert_ptr_equal(machine.current, &server.task->context);
    for (unsigned i = 0; i < 2; i++) {
        assert_ptr_equal(machine.current, &server.task->context);
        assert_int_equal(MESSAGE_CLASS(world_message().info), EXIT_TIMER);
        assert_int_equal(world_message().word[0], 500);
        world_reply(server.task, REPLY_FLAGS, WORDS(0));
        world_ticks(1); // the one that goes on first has its time slice
    }
    assert_int_equal(vcpu->state, VCPU_RUNNABLE);
    assert_int_equal(guest.vcpu[1]->state, VCPU_RUNNABLE);
    assert_int_equal(vcpu->record.seq + guest.vcpu[1]->record.seq, 4);
}

static void a_stopped_vcpus_deadline_never_comes(void **state) {
    (void)state;
    arm(500, REPLY_PARK);
    world_run(world.init);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_STOP));
    assert_int_equal(vcpu->deadline, DEADLINE_NEVER);
    world_sleep();
    world_time(5000);
    assert_int_equal(vcpu->state, VCPU_OFF);
    assert_int_equal(vcpu->record.seq, 1);
    // Nor one that was due when it was started again.
    world_run(world.init);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_START, 0x1000));
    world_sleep();
    assert_ptr_equal(machine.current, &vcpu->context);
}

static void a_vcpu_that_is_stopped_in_the_queue_is_told_of_nothing(void **state) {
    (void)state;
    start_second();
    world_enter(vcpu);
    arm(500, REPLY_PARK);
    world_enter(guest.vcpu[1]);
    world_time(500);
    assert_int_equal(vcpu->state, VCPU_PARKED);
    assert_true(vcpu->context.queued);
    world_run(world.init);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_STOP));
    assert_int_equal(vcpu->state, VCPU_OFF);
    assert_int_equal(vcpu->due, 0);
    assert_false(vcpu->context.queued);
    world_sleep();
    world_ticks(2);
    assert_ptr_equal(machine.current, &guest.vcpu[1]->context);
    assert_int_equal(vcpu->record.seq, 1);
}

// aarch64's guests leave a timer running in the hardware when they turn their CPU off.
static void one_that_passes_while_it_is_off_is_not_its_next_lifes(void **state) {
    (void)state;
    world_run(world.init);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_STOP));
    sched_deadline(vcpu, 500); // by the architecture's part, as the timer interrupts
    world_sleep();
    world_time(600);
    assert_int_equal(vcpu->state, VCPU_OFF);
    world_run(world.init);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_START, 0x1000));
    world_sleep();
    assert_ptr_equal(machine.current, &vcpu->context);
    assert_int_equal(vcpu->record.seq, 0);
}

static void a_timer_of_its_own_only_wakes_the_guest(void **state) {
    (void)state;
    world_run(world.init);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_STOP));
    assert_int_equal(world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0],
                              WORDS(VCPU_FEATURES, VCPU_FEATURE_TIMER)),
                     STATUS_OK);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_START, 0x1000));
    world_sleep();
    machine_guest(vcpu)->enabled = 1 << INTERRUPT_TIMER;
    machine_guest(vcpu)->own_time = 500;
    world_exit(vcpu, EXIT_IDLE, WORDS(0));
    uint64_t seq = vcpu->record.seq;
    assert_null(world_reply(server.task, REPLY_FLAGS | REPLY_PARK | REPLY_ADVANCE, WORDS(0)));
    assert_null(world_time(499));
    assert_ptr_equal(world_time(500), &vcpu->context); // no exit: its hardware does the rest
    assert_int_equal(vcpu->record.seq, seq);
    // Ticks in between do not make it forgotten.
    machine_guest(vcpu)->own_time = 2 * ARCH_TICK + 300;
    world_exit(vcpu, EXIT_IDLE, WORDS(0));
    world_reply(server.task, REPLY_FLAGS | REPLY_PARK, WORDS(0));
    assert_null(world_time(2 * ARCH_TICK + 299));
    assert_ptr_equal(world_time(2 * ARCH_TICK + 300), &vcpu->context);
    // Already fired: no park.
    world_exit(vcpu, EXIT_IDLE, WORDS(0));
    assert_ptr_equal(world_reply(server.task, REPLY_FLAGS | REPLY_PARK, WORDS(0)), &vcpu->context);
    // Its firmware's timer works beside it.
    machine_guest(vcpu)->own_time = 9000;
    arm(2700, REPLY_PARK);
    world_time(2700);
    timer_exit(2700, 2700);
}

static void features_are_set_while_it_is_off_and_only_those_there_are(void **state) {
    (void)state;
    world_run(world.init);
    assert_int_equal(
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_FEATURES, 0)),
        STATUS_BUSY);
    assert_int_equal(
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[1], WORDS(VCPU_FEATURES, UINT64_MAX)),
        STATUS_UNSUPPORTED);
}

static void a_hundred_deadlines_in_any_order_each_come_once(void **state) {
    (void)state;
    start_second();
    uint64_t seed = 12345;
    uint64_t last[2] = {0, 0};
    unsigned told = 0;
    for (unsigned i = 0; i < 200; i++) {
        unsigned who = i % 2;
        struct vcpu *one = guest.vcpu[who];
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t deadline = machine.now + (seed >> 40) % 3000;
        world_enter(one);
        world_exit(one, EXIT_STAGE2, WORDS(0));
        bool park = seed >> 20 & 1;
        last[who] = deadline;
        world_reply(server.task, REPLY_FLAGS | REPLY_DEADLINE | (park ? REPLY_PARK : 0),
                    WORDS(0, 0, deadline));
        while (one->deadline != DEADLINE_NEVER || one->due || one->state != VCPU_RUNNABLE) {
            world_time(machine.now + 100);
            while (machine.current == &server.task->context) {
                assert_int_equal(MESSAGE_CLASS(world_message().info), EXIT_TIMER);
                assert_int_equal(world_message().word[0], last[MESSAGE_VCPU(world_message().info)]);
                assert_true(world_message().word[0] <= machine.now);
                told++;
                world_reply(server.task, REPLY_FLAGS, WORDS(0));
            }
        }
    }
    assert_int_equal(told, 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_deadline_that_passes_while_it_runs_is_an_exit),
        TEST(the_same_with_a_second_vcpu_about),
        TEST(a_deadline_in_the_past_is_due_at_once),
        TEST(a_deadline_that_passes_while_an_exit_is_pending_comes_behind_it),
        TEST(the_same_behind_the_shortest_way),
        TEST(a_deadline_armed_anew_takes_the_old_one_back),
        TEST(a_deadline_that_is_due_is_taken_back_by_a_new_one),
        TEST(never_takes_a_deadline_back),
        TEST(a_parked_vcpu_is_told_of_its_deadline),
        TEST(a_deadline_long_past_is_told_of_a_parked_vcpu),
        TEST(a_parked_vcpus_deadline_outlives_the_server),
        TEST(a_tick_takes_no_turn_from_one_that_parks),
        TEST(an_interrupt_meanwhile_is_no_end_of_the_deadline),
        TEST(an_interrupt_that_is_pending_already_does_not_park),
        TEST(another_vcpus_interrupt_unparks),
        TEST(parked_while_another_parks_at_the_same_time_nobody_is_lost),
        TEST(a_stopped_vcpus_deadline_never_comes),
        TEST(a_vcpu_that_is_stopped_in_the_queue_is_told_of_nothing),
        TEST(one_that_passes_while_it_is_off_is_not_its_next_lifes),
        TEST(a_timer_of_its_own_only_wakes_the_guest),
        TEST(features_are_set_while_it_is_off_and_only_those_there_are),
        TEST(a_hundred_deadlines_in_any_order_each_come_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
