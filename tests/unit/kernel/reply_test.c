// The answer to an exit: each effect does what it says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/space.h"
#include "kernel/mem/pagetable.h"
#include "kernel/object/pool.h"
#include "tests/unit/kernel/answers.h"

static void nothing_but_go_on(void **state) {
    (void)state;
    runs_on(effect(0, WORDS(1, 2, 3, 4, 5, 6, 7, 8)));
    assert_int_equal(machine.regs.pc, WORLD_GUEST_PC);
    assert_int_equal(machine.regs.general[0], 100);
}

static void result_writes_the_two_result_registers(void **state) {
    (void)state;
    runs_on(answer(EXIT_HYPERCALL, REPLY_FLAGS | REPLY_RESULT, WORDS(7, 8, 9)));
    assert_int_equal(machine.regs.general[0], 7);
    assert_int_equal(machine.regs.general[1], 8);
    assert_int_equal(machine.regs.general[2], 0);
    assert_int_equal(machine.regs.pc, WORLD_GUEST_PC);
}

static void advance_goes_behind_the_instruction_by_the_length_given(void **state) {
    (void)state;
    runs_on(effect(REPLY_ADVANCE, WORDS(0)));
    assert_int_equal(machine.regs.pc, WORLD_GUEST_PC + 4);
    runs_on(effect(REPLY_ADVANCE, WORDS(0, 0, 0, 0, 0, 0, 2)));
    assert_int_equal(machine.regs.pc, WORLD_GUEST_PC + 6);
}

static void the_short_answers_say_nothing_of_a_length(void **state) {
    (void)state;
    // What is left in the other words is none of theirs.
    const uint64_t *words = WORDS(7, 8, 5000, 3, 4, 5, 2, 7);
    runs_on(answer(EXIT_HYPERCALL, REPLY_HYPERCALL, words));
    assert_int_equal(machine.regs.pc, WORLD_GUEST_PC + 4);
    runs_on(answer(EXIT_HYPERCALL, REPLY_HYPERCALL_DEADLINE, words));
    assert_int_equal(machine.regs.pc, WORLD_GUEST_PC + 8);
}

static void deadline_is_armed_and_takes_the_timer_interrupt_back(void **state) {
    (void)state;
    machine_guest(vcpu)->pending = 7;
    runs_on(effect(REPLY_DEADLINE, WORDS(0, 0, 500)));
    assert_int_equal(vcpu->deadline, 500);
    assert_int_equal(machine.timer, 500);
    assert_int_equal(machine_guest(vcpu)->pending, 7 & ~(1 << INTERRUPT_TIMER));
}

static void write_reaches_the_registers_of_the_mask(void **state) {
    (void)state;
    may(EXIT_STAGE2, MAY_ALL, 1u << 0 | 1u << 9);
    runs_on(effect(REPLY_WRITE | REPLY_REGISTER(9), WORDS(77)));
    assert_int_equal(machine.regs.general[9], 77);
    runs_on(effect(REPLY_WRITE | REPLY_REGISTER(0), WORDS(78)));
    assert_int_equal(machine.regs.general[0], 78);
}

static void a_second_register_can_be_written_beside_the_first_or_alone(void **state) {
    (void)state;
    may(EXIT_STAGE2, MAY_ALL, 1u << 0 | 1u << 9);
    const uint64_t both = REPLY_WRITE | REPLY_WRITE_SECOND;
    runs_on(effect(both | REPLY_REGISTER(9) | REPLY_SECOND(0) | REPLY_ADVANCE, WORDS(77, 78)));
    assert_int_equal(machine.regs.general[9], 77);
    assert_int_equal(machine.regs.general[0], 78);
    assert_int_equal(machine.regs.pc, WORLD_GUEST_PC + 4);
    runs_on(effect(REPLY_WRITE_SECOND | REPLY_REGISTER(0) | REPLY_SECOND(9), WORDS(79, 80)));
    assert_int_equal(machine.regs.general[9], 80);
    assert_int_equal(machine.regs.general[0], 78);
    // Where both are one, the second stays.
    runs_on(effect(both | REPLY_REGISTER(9) | REPLY_SECOND(9), WORDS(81, 82)));
    assert_int_equal(machine.regs.general[9], 82);
}

static void raise_and_clear_work_on_the_one_that_exited(void **state) {
    (void)state;
    for (unsigned i = 0; i < INTERRUPT_COUNT; i++) {
        runs_on(effect(REPLY_RAISE | REPLY_INTERRUPT(i), WORDS(0)));
        assert_int_equal(machine_guest(vcpu)->pending, 1 << i);
        runs_on(effect(REPLY_CLEAR | REPLY_INTERRUPT(i), WORDS(0)));
        assert_int_equal(machine_guest(vcpu)->pending, 0);
    }
}

static void raise_reaches_the_vcpus_of_the_mask_and_wakes_them(void **state) {
    (void)state;
    struct vcpu *other = guest.vcpu[1];
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[1], WORDS(VCPU_START, 0x5000));
    world_sleep();
    world_exit(other, EXIT_IDLE, WORDS(0));
    world_reply(server.task, REPLY_FLAGS | REPLY_PARK, WORDS(0));
    assert_int_equal(other->state, VCPU_PARKED);
    // Bits of vCPUs that are not there mean nothing; vCPU 2 is off.
    const uint64_t mask = 1u << 0 | 1u << 1 | 1u << 2 | 1ull << 40 | 1ull << 63;
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    world_reply(server.task, REPLY_FLAGS | REPLY_RAISE | REPLY_INTERRUPT(INTERRUPT_SOFTWARE),
                WORDS(0, 0, 0, 0, mask));
    assert_int_equal(other->state, VCPU_RUNNABLE);
    for (unsigned i = 0; i < GUEST_VCPUS; i++) {
        assert_int_equal(machine_guest(guest.vcpu[i])->pending, 1 << INTERRUPT_SOFTWARE);
    }
    assert_int_equal(guest.vcpu[2]->state, VCPU_OFF);
    // A vCPU that starts begins without any.
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[2], WORDS(VCPU_START, 0x5000));
    assert_int_equal(machine_guest(guest.vcpu[2])->pending, 0);
}

static void fence_reaches_the_vcpus_of_the_mask(void **state) {
    (void)state;
    runs_on(effect(REPLY_FENCE, WORDS(0, 0, 0, 0, 1u << 0 | 1u << 2 | 1u << 30)));
    assert_true(machine.vcpu_fences[0] > 0);
    assert_int_equal(machine.vcpu_fences[1], 0);
    assert_true(machine.vcpu_fences[2] > 0);
    runs_on(effect(REPLY_FENCE | REPLY_RAISE | REPLY_INTERRUPT(INTERRUPT_EXTERNAL),
                   WORDS(0, 0, 0, 0, 1u << 1)));
    assert_true(machine.vcpu_fences[1] > 0);
    assert_int_equal(machine_guest(guest.vcpu[1])->pending, 1 << INTERRUPT_EXTERNAL);
    assert_int_equal(machine_guest(vcpu)->pending, 0);
}

static void map_adds_pages_of_each_size(void **state) {
    (void)state;
    const struct {
        unsigned bits, rights;
        uint64_t address, offset;
    } maps[] = {
        {12, RIGHT_R | RIGHT_W | RIGHT_X, 0x80001000, 0x5000},
        {12, RIGHT_R, 0x80002000, 0x5000},
        {21, RIGHT_R | RIGHT_X, 0x80200000, 0x600000},
        {30, RIGHT_R | RIGHT_W, 0xc0000000, 0x40000000},
    };
    for (unsigned i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
        uint64_t mapping = REPLY_MAPPING(FRAME, maps[i].bits, maps[i].rights);
        runs_on(effect(REPLY_MAP, WORDS(0, 0, maps[i].address, mapping, 0, maps[i].offset)));
        uint64_t target = server.task->cap[FRAME].base + maps[i].offset;
        assert_true(pagetable_is(guest.space, SPACE_ADDR(maps[i].address), HPA(target),
                                 maps[i].bits, maps[i].rights));
        // The same record answered a second time does no harm, but makes sure of the entry.
        unsigned fences = machine.space_fences;
        runs_on(effect(REPLY_MAP | REPLY_ADVANCE,
                       WORDS(0, 0, maps[i].address, mapping, 0, maps[i].offset)));
        assert_true(machine.space_fences > fences);
        assert_int_equal(machine.fenced_address, maps[i].address);
    }
    assert_int_equal(machine.regs.pc, WORLD_GUEST_PC + 16);
}

static void park_waits_for_an_interrupt_or_the_deadline(void **state) {
    (void)state;
    machine_guest(vcpu)->enabled = 1 << INTERRUPT_TIMER;
    machine_guest(vcpu)->pending = 1 << INTERRUPT_EXTERNAL; // not one that it listens to
    assert_null(effect(REPLY_PARK | REPLY_ADVANCE, WORDS(0)));
    assert_int_equal(vcpu->state, VCPU_PARKED);
    assert_null(machine.current);
    assert_null(vcpu->record.portal);
}

static void stop_ends_it_until_it_is_started_again(void **state) {
    (void)state;
    assert_null(effect(REPLY_STOP | REPLY_DEADLINE | REPLY_ADVANCE, WORDS(0, 0, 500)));
    assert_int_equal(vcpu->state, VCPU_OFF);
    assert_int_equal(vcpu->deadline, DEADLINE_NEVER);
    assert_null(vcpu->record.portal);
    world_time(10000);
    assert_int_equal(vcpu->state, VCPU_OFF);
    assert_int_equal(vcpu->record.seq, 1);
}

static void start_starts_another_vcpu_with_its_number_and_argument(void **state) {
    (void)state;
    runs_on(effect(REPLY_START, WORDS(0, 0, 2, 0x7000, 0x1234)));
    assert_int_equal(guest.vcpu[2]->state, VCPU_RUNNABLE);
    world_enter(guest.vcpu[2]);
    assert_int_equal(machine.regs.pc, 0x7000);
    assert_int_equal(machine.regs.general[0], 2);
    assert_int_equal(machine.regs.general[1], 0x1234);
}

static void inject_makes_the_guest_take_an_exception(void **state) {
    (void)state;
    machine_guest(vcpu)->vector = 0xabc0;
    runs_on(effect(REPLY_INJECT, WORDS(13, 0xbad)));
    assert_int_equal(machine.regs.pc, 0xabc0);
    assert_int_equal(machine_guest(vcpu)->exception_pc, WORLD_GUEST_PC);
    assert_int_equal(machine_guest(vcpu)->exception_cause, 13);
    assert_int_equal(machine_guest(vcpu)->exception_value, 0xbad);
}

static void all_effects_of_one_answer_come_together(void **state) {
    (void)state;
    uint64_t flags = REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(9) | REPLY_DEADLINE | REPLY_MAP |
                     REPLY_RAISE | REPLY_INTERRUPT(INTERRUPT_SOFTWARE);
    runs_on(effect(flags, WORDS(5, 0, 0x80001000, REPLY_MAPPING(FRAME, 12, RIGHT_R), 0, 0, 2)));
    assert_int_equal(machine.regs.pc, WORLD_GUEST_PC + 2);
    assert_int_equal(machine.regs.general[9], 5);
    assert_int_equal(vcpu->deadline, 0x80001000);
    assert_int_equal(machine_guest(vcpu)->pending, 1 << INTERRUPT_SOFTWARE);
    assert_true(pagetable_is(guest.space, SPACE_ADDR(0x80001000), HPA(server.task->cap[FRAME].base),
                             12, RIGHT_R));
}

static void effects_reach_the_vcpu_whether_it_is_in_the_hardware_or_not(void **state) {
    (void)state;
    // The other vCPU runs while the first one's exit is being answered.
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[1], WORDS(VCPU_START, 0x5000));
    world_sleep();
    machine_guest(vcpu)->vector = 0xabc0;
    machine_guest(vcpu)->pending = 1 << INTERRUPT_TIMER;
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    trap_switch(&guest.vcpu[1]->context);
    machine_guest(guest.vcpu[1])->pending = 1 << INTERRUPT_TIMER;
    assert_ptr_equal(world.cpu.loaded, guest.vcpu[1]);
    world_reply(server.task,
                REPLY_FLAGS | REPLY_INJECT | REPLY_DEADLINE | REPLY_RAISE |
                    REPLY_INTERRUPT(INTERRUPT_SOFTWARE),
                WORDS(13, 0xbad, 500));
    assert_int_equal(machine_guest(vcpu)->pending, 1 << INTERRUPT_SOFTWARE);
    assert_int_equal(machine_guest(vcpu)->exception_cause, 13);
    assert_int_equal(machine_guest(guest.vcpu[1])->pending, 1 << INTERRUPT_TIMER);
    assert_int_equal(machine_guest(guest.vcpu[1])->exception_cause, 0);
    world_enter(vcpu);
    assert_int_equal(machine.regs.pc, 0xabc0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, answers_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(nothing_but_go_on),
        TEST(result_writes_the_two_result_registers),
        TEST(advance_goes_behind_the_instruction_by_the_length_given),
        TEST(the_short_answers_say_nothing_of_a_length),
        TEST(deadline_is_armed_and_takes_the_timer_interrupt_back),
        TEST(write_reaches_the_registers_of_the_mask),
        TEST(a_second_register_can_be_written_beside_the_first_or_alone),
        TEST(raise_and_clear_work_on_the_one_that_exited),
        TEST(raise_reaches_the_vcpus_of_the_mask_and_wakes_them),
        TEST(fence_reaches_the_vcpus_of_the_mask),
        TEST(map_adds_pages_of_each_size),
        TEST(park_waits_for_an_interrupt_or_the_deadline),
        TEST(stop_ends_it_until_it_is_started_again),
        TEST(start_starts_another_vcpu_with_its_number_and_argument),
        TEST(inject_makes_the_guest_take_an_exception),
        TEST(all_effects_of_one_answer_come_together),
        TEST(effects_reach_the_vcpu_whether_it_is_in_the_hardware_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
