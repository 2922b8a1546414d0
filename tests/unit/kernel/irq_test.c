// Interrupt lines: each firing reaches its server once, and the line is quiet until it is answered.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/object/irq.h"
#include "tests/unit/kernel/world.h"

#define LINE 9

static struct server server, other;
static unsigned slot;
static struct irq *irq;

static int begin(void **state) {
    world_begin(state);
    server_make(&server, 0, 1);
    server_make(&other, 0, 2);
    slot = world_create(OBJECT_IRQ, 1, LINE, 0, 0);
    irq = world_object(slot);
    return 0;
}

static void bind(const struct server *to, uint64_t badge) {
    assert_int_equal(
        world_do(world.init, SYSCALL_BIND, BIND_IRQ, WORDS(slot, to->portal_slot, badge)),
        STATUS_OK);
}

static void a_line_is_quiet_until_it_is_bound(void **state) {
    (void)state;
    assert_false(machine.line[LINE].enabled);
    world_sleep();
    world_line(LINE);
    assert_false(machine.line[LINE].taken);
    bind(&server, 5);
    assert_true(machine.line[LINE].enabled);
    // What was asserted before is heard now.
    world_sleep();
    trap_interrupt();
    assert_ptr_equal(machine.current, &server.task->context);
}

static void fire_answer_and_fire_again(void **state) {
    (void)state;
    bind(&server, 5);
    world_sleep();
    for (unsigned i = 1; i < 5; i++) {
        assert_ptr_equal(world_line(LINE), &server.task->context);
        struct message message = world_message();
        assert_int_equal(MESSAGE_CLASS(message.info), EXIT_IRQ);
        assert_int_equal(message.badge, 5);
        assert_int_equal(message.word[0], LINE);
        assert_int_equal(message.seq, i);
        assert_true(machine.line[LINE].taken);
        // Before the answer it does not fire, but is not forgotten.
        world_line(LINE);
        assert_int_equal(irq->record.seq, i);
        machine.line[LINE].asserted = false;
        world_reply(server.task, 0, WORDS(0));
        assert_false(machine.line[LINE].taken);
        assert_int_equal(machine.line[LINE].completed, i);
    }
}

static void an_interrupt_waits_for_a_busy_server(void **state) {
    (void)state;
    bind(&server, 5);
    world_do(world.init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
    world_line(LINE);
    assert_ptr_equal(machine.current, &world.init->context); // who ran goes on
    world_run(server.task);
    assert_int_equal(MESSAGE_CLASS(world_message().info), EXIT_SIGNAL);
    world_reply(server.task, 0, WORDS(0));
    world_run(server.task);
    assert_int_equal(MESSAGE_CLASS(world_message().info), EXIT_IRQ);
}

static void an_interrupt_preempts_a_guest_for_its_server(void **state) {
    (void)state;
    static struct guest guest;
    guest_make(&guest, &server, 1);
    bind(&other, 5);
    world_sleep();
    world_enter(guest.vcpu[0]);
    assert_ptr_equal(world_line(LINE), &other.task->context);
    assert_ptr_equal(world_reply(other.task, 0, WORDS(0)), &guest.vcpu[0]->context);
}

static void an_interrupt_survives_the_death_of_its_server(void **state) {
    (void)state;
    bind(&server, 5);
    world_sleep();
    world_line(LINE);
    world_fault(server.task, FAULT_MEMORY, 0, 0);
    assert_true(machine.line[LINE].taken);
    server_restart(&server, 1);
    world_sleep();
    world_run(server.task);
    assert_int_equal(MESSAGE_CLASS(world_message().info), EXIT_IRQ);
    assert_int_equal(MESSAGE_ATTEMPT(world_message().info), 1);
    assert_int_equal(world_message().seq, 1);
    world_reply(server.task, 0, WORDS(0));
    assert_int_equal(machine.line[LINE].completed, 1);
}

static void a_line_bound_anew_tells_the_new_portal(void **state) {
    (void)state;
    bind(&server, 5);
    bind(&other, 6);
    world_sleep();
    assert_ptr_equal(world_line(LINE), &other.task->context);
    assert_int_equal(world_message().badge, 6);
}

static void bound_anew_while_it_is_served_it_is_answered_once(void **state) {
    (void)state;
    bind(&server, 5);
    world_sleep();
    world_line(LINE);
    bind(&other, 6);
    world_run(server.task);
    world_reply(server.task, 0, WORDS(0));
    assert_int_equal(machine.line[LINE].completed, 1);
    world_sleep();
    assert_ptr_equal(world_line(LINE), &other.task->context);
}

static void a_line_that_fires_though_it_must_not_is_switched_off(void **state) {
    (void)state;
    bind(&server, 5);
    world_sleep();
    world_line(LINE);
    machine.line[LINE].taken = false; // a controller that does not keep its word
    world_line(LINE);
    assert_false(machine.line[LINE].enabled);
    world_run(server.task);
    world_reply(server.task, 0, WORDS(0));
    assert_int_equal(server.task->state, TASK_WAITING);
    world_line(LINE);
    assert_int_equal(irq->record.seq, 1);
    machine.line[LINE].asserted = false;
    bind(&server, 5);
    world_sleep();
    assert_ptr_equal(world_line(LINE), &server.task->context);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_line_is_quiet_until_it_is_bound),
        TEST(fire_answer_and_fire_again),
        TEST(an_interrupt_waits_for_a_busy_server),
        TEST(an_interrupt_preempts_a_guest_for_its_server),
        TEST(an_interrupt_survives_the_death_of_its_server),
        TEST(a_line_bound_anew_tells_the_new_portal),
        TEST(bound_anew_while_it_is_served_it_is_answered_once),
        TEST(a_line_that_fires_though_it_must_not_is_switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
