// The answer to an exit is bounded by what the route allows, and one that is refused does nothing
// at all.
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

// All objects' memory, and what is in the hardware, as it is now. The answering task's own
// registers change: they tell it of the refusal.
static char *snapshot(size_t *size) {
    size_t pages = 0;
    for (uint32_t i = 0; i < pool.count; i++) {
        pages += pool.page[i].type != OBJECT_NONE;
    }
    *size = pages * PAGE_SIZE + sizeof(struct cpu) + sizeof(struct arch_vcpu);
    char *copy = malloc(*size);
    char *at = copy;
    struct regs regs = server.task->context.regs;
    memset(&server.task->context.regs, 0, sizeof(regs));
    for (uint32_t i = 0; i < pool.count; i++) {
        if (pool.page[i].type != OBJECT_NONE) {
            memcpy(at, pool_object(i), PAGE_SIZE);
            at += PAGE_SIZE;
        }
    }
    server.task->context.regs = regs;
    memcpy(at, &world.cpu, sizeof(struct cpu));
    memcpy(at + sizeof(struct cpu), &machine.guest, sizeof(struct arch_vcpu));
    return copy;
}

// The exit of class C is pending with the server. An answer that is refused for the reason
// EXPECTED.
static void refused(enum status expected, uint64_t flags, const uint64_t *words) {
    size_t size;
    size_t size_after;
    char *before = snapshot(&size);
    unsigned fences = machine.space_fences;
    struct context *next = world_reply(server.task, flags, words);
    char *after = snapshot(&size_after);
    assert_ptr_equal(next, &server.task->context);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    assert_int_equal(machine.space_fences, fences);
    free(before);
    free(after);
    // It finds itself at its receive entry, with the record that it still holds.
    struct message message = world_message();
    assert_int_equal(MESSAGE_CLASS(message.info), EXIT_REFUSED);
    assert_int_equal(MESSAGE_VCPU(message.info), 0);
    assert_int_equal(message.word[0], expected);
    assert_int_equal(message.seq, vcpu->record.seq);
    assert_int_equal(message.badge, 1);
    assert_int_equal(machine.regs.pc, WORLD_SERVER_PC);
    assert_ptr_equal(server.task->serving, &vcpu->record);
}

// Every effect that can come with others, so that a refusal has something not to do.
#define ALL_ELSE                                                                                   \
    (REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE | REPLY_DEADLINE | REPLY_CLEAR | REPLY_INJECT)

static void an_effect_that_the_route_does_not_allow_is_refused(void **state) {
    (void)state;
    const uint64_t *words = WORDS(1, 2, 0x80001000, REPLY_MAPPING(FRAME, 12, RIGHT_R));
    for (unsigned bit = 0; MAY_ALL >> bit; bit++) {
        may(EXIT_STAGE2, MAY_ALL & ~(1u << bit), ~0u);
        world_exit(vcpu, EXIT_STAGE2, WORDS(0));
        refused(STATUS_DENIED, ALL_ELSE | 1u << bit | REPLY_INTERRUPT(1) | REPLY_SECOND(1), words);
        // Alone as well, and then it can still be answered.
        refused(STATUS_DENIED, REPLY_FLAGS | 1u << bit | REPLY_REGISTER(1), words);
        world_reply(server.task, REPLY_FLAGS, WORDS(0));
    }
}

static void the_short_answers_need_the_same_rights(void **state) {
    (void)state;
    may(EXIT_HYPERCALL, REPLY_RESULT, 0);
    world_exit(vcpu, EXIT_HYPERCALL, WORDS(0));
    refused(STATUS_DENIED, REPLY_HYPERCALL, WORDS(1, 2));
    refused(STATUS_DENIED, REPLY_HYPERCALL_DEADLINE, WORDS(1, 2, 500));
    may(EXIT_HYPERCALL, REPLY_RESULT | REPLY_ADVANCE, 0);
    world_run(server.task);
    refused(STATUS_DENIED, REPLY_HYPERCALL_DEADLINE, WORDS(1, 2, 500));
    runs_on(world_reply(server.task, REPLY_HYPERCALL, WORDS(1, 2)));
    // A route that allows too little never takes the shortest way, where nobody would look.
    assert_null(vcpu->fast_portal);
}

static void flags_that_mean_nothing_are_refused(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    refused(STATUS_INVALID, 2, WORDS(1, 2));
    refused(STATUS_INVALID, WAIT_ONLY, WORDS(1, 2)); // it has something to answer
    refused(STATUS_INVALID, 0x7fffffff, WORDS(1, 2));
    refused(STATUS_INVALID, 1ull << 32, WORDS(1, 2));
    for (unsigned bit = 13; bit < 31; bit++) {
        refused(STATUS_DENIED, ALL_ELSE | 1ull << bit, WORDS(1, 2));
    }
}

static void registers_outside_of_the_write_mask_are_refused(void **state) {
    (void)state;
    may(EXIT_STAGE2, MAY_ALL, 1u << 9);
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    for (unsigned reg = 0; reg < 256; reg++) {
        if (reg != 9) {
            refused(STATUS_DENIED, ALL_ELSE | REPLY_WRITE | REPLY_REGISTER(reg), WORDS(1, 2));
            refused(STATUS_DENIED, REPLY_FLAGS | REPLY_WRITE | REPLY_REGISTER(reg), WORDS(1, 2));
            // Each of two is asked about, and the other one is not written either.
            uint64_t both = ALL_ELSE | REPLY_WRITE | REPLY_WRITE_SECOND;
            refused(STATUS_DENIED, both | REPLY_REGISTER(9) | REPLY_SECOND(reg), WORDS(1, 2));
            refused(STATUS_DENIED, both | REPLY_REGISTER(reg) | REPLY_SECOND(9), WORDS(1, 2));
            refused(STATUS_DENIED, REPLY_FLAGS | REPLY_WRITE_SECOND | REPLY_SECOND(reg),
                    WORDS(1, 2));
        }
    }
}

static void interrupts_that_do_not_exist_are_refused(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    for (unsigned i = INTERRUPT_COUNT; i < 256; i++) {
        refused(STATUS_INVALID, REPLY_FLAGS | REPLY_RAISE | REPLY_INTERRUPT(i), WORDS(0));
        refused(STATUS_INVALID, REPLY_FLAGS | REPLY_CLEAR | REPLY_INTERRUPT(i), WORDS(0));
        refused(STATUS_INVALID, ALL_ELSE | REPLY_RAISE | REPLY_INTERRUPT(i),
                WORDS(0, 0, 0, 0, 0xff));
    }
}

static void a_vcpu_that_cannot_be_started_is_refused(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    refused(STATUS_NOT_FOUND, ALL_ELSE | REPLY_START, WORDS(0, 0, GUEST_VCPUS, 0x7000));
    refused(STATUS_NOT_FOUND, ALL_ELSE | REPLY_START, WORDS(0, 0, SYSCALL_VCPUS_MAX, 0x7000));
    refused(STATUS_NOT_FOUND, ALL_ELSE | REPLY_START, WORDS(0, 0, UINT64_MAX, 0x7000));
    refused(STATUS_BUSY, ALL_ELSE | REPLY_START, WORDS(0, 0, 0, 0x7000)); // itself
    refused(STATUS_INVALID, REPLY_FLAGS | REPLY_START | REPLY_RAISE, WORDS(0, 0, 1, 0x7000));
    refused(STATUS_INVALID, REPLY_FLAGS | REPLY_START | REPLY_FENCE, WORDS(0, 0, 1, 0x7000));
    world_reply(server.task, REPLY_FLAGS | REPLY_START, WORDS(0, 0, 1, 0x7000));
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    refused(STATUS_BUSY, ALL_ELSE | REPLY_START, WORDS(0, 0, 1, 0x7000));
}

static void a_mapping_that_cannot_be_made_is_refused(void **state) {
    (void)state;
    const uint64_t at = 0x80001000;
    const struct {
        enum status status;
        uint64_t address, mapping, offset;
    } bad[] = {
        {STATUS_NO_CAP, at, REPLY_MAPPING(0, 12, RIGHT_R), 0},
        {STATUS_NO_CAP, at, REPLY_MAPPING(60, 12, RIGHT_R), 0},
        {STATUS_NO_CAP, at, REPLY_MAPPING(0xffff, 12, RIGHT_R), 0},
        {STATUS_WRONG_TYPE, at, REPLY_MAPPING(5, 12, RIGHT_R), 0}, // a portal
        {STATUS_DENIED, at, REPLY_MAPPING(FRAME_RO, 12, RIGHT_R | RIGHT_W), 0},
        {STATUS_DENIED, at, REPLY_MAPPING(FRAME_RO, 12, RIGHT_X), 0},
        {STATUS_DENIED, at, REPLY_MAPPING(FRAME, 12, RIGHT_R | RIGHT_MANAGE), 0},
        {STATUS_DENIED, at, REPLY_MAPPING(FRAME, 12, 0xff), 0},
        {STATUS_INVALID, at, REPLY_MAPPING(FRAME, 12, 0), 0},
        {STATUS_INVALID, at, REPLY_MAPPING(FRAME, 12, RIGHT_W), 0},
        {STATUS_INVALID, at, REPLY_MAPPING(FRAME, 0, RIGHT_R), 0},
        {STATUS_INVALID, at, REPLY_MAPPING(FRAME, 13, RIGHT_R), 0},
        {STATUS_INVALID, at, REPLY_MAPPING(FRAME, 39, RIGHT_R), 0},
        {STATUS_INVALID, at, REPLY_MAPPING(FRAME, 255, RIGHT_R), 0},
        {STATUS_INVALID, at, REPLY_MAPPING(FRAME, 21, RIGHT_R), 0}, // not aligned
        {STATUS_INVALID, at + 1, REPLY_MAPPING(FRAME, 12, RIGHT_R), 0},
        {STATUS_INVALID, at, REPLY_MAPPING(FRAME, 12, RIGHT_R), 8},
        {STATUS_RANGE, at, REPLY_MAPPING(FRAME, 12, RIGHT_R), FRAME_SIZE},
        {STATUS_RANGE, at, REPLY_MAPPING(FRAME, 12, RIGHT_R), FRAME_SIZE - 0xfff},
        {STATUS_RANGE, at, REPLY_MAPPING(FRAME, 12, RIGHT_R), UINT64_MAX - 0xfff},
        {STATUS_RANGE, 0, REPLY_MAPPING(FRAME, 30, RIGHT_R), FRAME_SIZE - (1 << 29)},
        {STATUS_RANGE, 1ull << 40, REPLY_MAPPING(FRAME, 12, RIGHT_R), 0},
        {STATUS_RANGE, UINT64_MAX & ~0xfffull, REPLY_MAPPING(FRAME, 12, RIGHT_R), 0},
    };
    server_grant(&server, 5, server.portal_slot, RIGHT_CALL, 0, 0);
    world_sleep();
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const uint64_t *words = WORDS(1, 2, bad[i].address, bad[i].mapping, 0, bad[i].offset);
        refused(bad[i].status, REPLY_FLAGS | REPLY_MAP, words);
        refused(bad[i].status, ALL_ELSE | REPLY_MAP, words);
    }
}

static void what_is_mapped_otherwise_is_not_mapped_over(void **state) {
    (void)state;
    const uint64_t small = REPLY_MAPPING(FRAME, 12, RIGHT_R | RIGHT_W);
    const uint64_t large = REPLY_MAPPING(FRAME, 21, RIGHT_R | RIGHT_W);
    effect(REPLY_MAP, WORDS(0, 0, 0x80000000, small, 0, 0));
    effect(REPLY_MAP, WORDS(0, 0, 0x80001000, small, 0, 0x1000));
    effect(REPLY_MAP, WORDS(0, 0, 0x80400000, large, 0, 0x400000));
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    const struct {
        uint64_t address, mapping, offset;
    } others[] = {
        {0x80001000, small, 0x2000},                             // other memory
        {0x80001000, REPLY_MAPPING(FRAME, 12, RIGHT_R), 0x1000}, // other rights
        {0x80000000, large, 0},                                  // more than the one page in it
        {0x80402000, small, 0x403000},                           // elsewhere in the large page
        {0x80400000, small, 0x401000},
        {0x80400000, REPLY_MAPPING(FRAME, 30, RIGHT_R), 0}, // not aligned even
    };
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const uint64_t *words =
            WORDS(1, 2, others[i].address, others[i].mapping, 0, others[i].offset);
        enum status status = i == 5 ? STATUS_INVALID : STATUS_EXISTS;
        refused(status, REPLY_FLAGS | REPLY_MAP, words);
        refused(status, ALL_ELSE | REPLY_MAP, words);
    }
    // A part of a large page that is mapped just so is there.
    runs_on(world_reply(server.task, REPLY_FLAGS | REPLY_MAP,
                        WORDS(0, 0, 0x80402000, small, 0, 0x402000)));
}

static void a_space_without_room_for_tables_refuses_until_it_has_some(void **state) {
    (void)state;
    uint64_t mapping = REPLY_MAPPING(FRAME, 12, RIGHT_R);
    uint64_t address = 0;
    while (guest.space->free >= 2) {
        effect(REPLY_MAP, WORDS(0, 0, address, mapping));
        address += 1ull << 30;
    }
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    if (guest.space->free == 1) {
        // One page is not enough where two are missing, and is not lost.
        refused(STATUS_NO_MEMORY, REPLY_FLAGS | REPLY_MAP, WORDS(0, 0, address, mapping));
        refused(STATUS_NO_MEMORY, ALL_ELSE | REPLY_MAP, WORDS(0, 0, address, mapping));
        runs_on(world_reply(server.task, REPLY_FLAGS | REPLY_MAP,
                            WORDS(0, 0, address, REPLY_MAPPING(FRAME, 21, RIGHT_R))));
        world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    }
    assert_int_equal(guest.space->free, 0);
    refused(STATUS_NO_MEMORY, REPLY_FLAGS | REPLY_MAP, WORDS(0, 0, 0x200000, mapping));
    runs_on(world_reply(server.task, REPLY_FLAGS | REPLY_MAP, WORDS(0, 0, 0x1000, mapping)));
}

static void an_answer_of_one_that_is_no_longer_bound_counts(void **state) {
    (void)state;
    const uint64_t answers[] = {REPLY_FLAGS, REPLY_FLAGS | REPLY_ADVANCE, REPLY_FLAGS | REPLY_MAP,
                                REPLY_FLAGS | REPLY_DEADLINE};
    for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        static struct server next;
        world_exit(vcpu, EXIT_STAGE2, WORDS(0));
        next = (struct server){.portal = server.portal, .portal_slot = server.portal_slot};
        server_make_task(&next);
        assert_int_equal(world_do(world.init, SYSCALL_BIND, BIND_PORTAL,
                                  WORDS(next.portal_slot, next.task_slot)),
                         STATUS_OK);
        server_grant(&next, FRAME, INIT_SLOT_HIGH, RIGHT_R, 0, 0x1000);
        server_start(&next);
        world_sleep();
        struct context *then = world_reply(
            server.task, answers[i], WORDS(0, 0, 0x80000000, REPLY_MAPPING(FRAME, 12, RIGHT_R)));
        assert_ptr_equal(then, &vcpu->context);
        assert_int_equal(server.task->state, TASK_WAITING);
        assert_ptr_equal(next.portal->waiting, next.task);
        server = next;
    }
}

static void a_vcpu_that_was_stopped_meanwhile_is_not_answered(void **state) {
    (void)state;
    world_exit(vcpu, EXIT_STAGE2, WORDS(0));
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_STOP));
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_START, 0x4000));
    world_sleep();
    world_run(server.task);
    world_reply(server.task, ALL_ELSE | REPLY_MAP,
                WORDS(1, 2, 500, REPLY_MAPPING(FRAME, 12, RIGHT_R)));
    assert_ptr_equal(machine.current, &vcpu->context);
    assert_int_equal(machine.regs.pc, 0x4000);
    assert_int_equal(machine.regs.general[0], 0);
    assert_int_equal(vcpu->deadline, DEADLINE_NEVER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, answers_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_effect_that_the_route_does_not_allow_is_refused),
        TEST(the_short_answers_need_the_same_rights),
        TEST(flags_that_mean_nothing_are_refused),
        TEST(registers_outside_of_the_write_mask_are_refused),
        TEST(interrupts_that_do_not_exist_are_refused),
        TEST(a_vcpu_that_cannot_be_started_is_refused),
        TEST(a_mapping_that_cannot_be_made_is_refused),
        TEST(what_is_mapped_otherwise_is_not_mapped_over),
        TEST(a_space_without_room_for_tables_refuses_until_it_has_some),
        TEST(an_answer_of_one_that_is_no_longer_bound_counts),
        TEST(a_vcpu_that_was_stopped_meanwhile_is_not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
