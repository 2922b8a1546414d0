// A server may die at any instruction of a call, and at any request of its own: the next one gets
// the same record, and the guest and the world outside see what they would have seen.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/psci/psci.h"
#include "tests/unit/sbi/dying.h"

static void test_turning_a_cpu_on(void **state) {
    (void)state;
    const uint64_t widths[] = {0, WIDE};
    for (size_t i = 0; i < 2; i++) {
        struct message record = psci_record(0, 0, CPU_ON | widths[i], 1, WORLD_RAM + 8, 0x77);
        dying_everywhere(&record);
        struct reply reply = world_serve(&record);
        assert_true(reply.flags & REPLY_START);
        assert_int_equal(reply.word[2], 1);
        assert_int_equal(reply.word[3], WORLD_RAM + 8);
        assert_int_equal(reply.word[4], 0x77);
        psci_expect(0, AFFINITY_INFO, 1, 0, 0);
        psci_call_from(0, 1, CPU_OFF, 0, 0, 0);
    }
}

static void test_turning_a_cpu_off(void **state) {
    (void)state;
    psci_call(CPU_ON, 1, WORLD_RAM, 0);
    struct message record = psci_record(0, 1, CPU_OFF, 0, 0, 0);
    dying_everywhere(&record);
    psci_expect(1, AFFINITY_INFO, 1, 0, 0);
}

// Two vCPUs' calls between each other: each has its own last one. What came back as an error the
// first time is asked again, and nothing was done.
static void test_cpus_do_not_disturb_each_other(void **state) {
    (void)state;
    struct message mine = psci_record(0, 0, CPU_ON, 1, WORLD_RAM, 5);
    struct message other = psci_record(0, 1, CPU_OFF, 0, 0, 0);
    struct reply first = world_serve(&mine);
    world_serve(&other);
    struct reply again = world_serve(&mine);
    assert_memory_equal(&first, &again, sizeof(first));
    psci_expect(1, AFFINITY_INFO, 1, 0, 0); // off it is: the answer came again, not the effect
    again = world_serve(&other);
    assert_int_equal(again.flags, REPLY_FLAGS | REPLY_STOP);
}

// What changes nothing is answered the same by whoever comes next, and leaves nothing behind.
static void test_questions_leave_nothing(void **state) {
    (void)state;
    static uint8_t before[sizeof(world->state)];
    const uint64_t questions[] = {0x84000000, 0x84000006,           0x8400000a, 0x80000000,
                                  0x80000001, CPU_SUSPEND,          0x12345678, AFFINITY_INFO,
                                  CPU_ON,     AFFINITY_INFO | WIDE, 0};
    psci_call(0x84000000, 0, 0, 0); // the state begins
    memcpy(before, world->state, sizeof(before));
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        struct message record = psci_record(0, 0, questions[i], 0, 0, 0);
        struct reply reply = world_serve(&record);
        struct reply again = world_serve(&record);
        assert_memory_equal(&reply, &again, sizeof(reply));
        assert_memory_equal(before, world->state, sizeof(before));
    }
}

// Killed at each request that a call makes, and served again: the last one answers.
static unsigned killed_at_every_request(const struct message *record) {
    unsigned killed = 0;
    for (enum fakert_end end = FAKERT_KILLED; end == FAKERT_KILLED;) {
        fakert_reset();
        world_config();
        fakert_send(record);
        fakert.kill_at = ++killed;
        end = fakert_run(sbi_server_main);
    }
    return killed - 1;
}

static void test_dying_while_init_is_told(void **state) {
    (void)state;
    const uint64_t ends[] = {SYSTEM_OFF, SYSTEM_RESET, SYSTEM_RESET2 | WIDE};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct message record = psci_record(0, 0, ends[i], 0, 0, 0);
        assert_int_equal(killed_at_every_request(&record), 1);
        assert_int_equal(fakert_only_answer()->flags, REPLY_FLAGS | REPLY_STOP);
        // Told once more when only the answer got lost.
        assert_int_equal(world_serve(&record).flags, REPLY_FLAGS | REPLY_STOP);
        assert_int_equal(fakert_find(FAKERT_CALL, 0)->word[0], INIT_VM_END);
    }
}

// No other call asks anything of anybody, so it can't die there.
static void test_other_calls_ask_nobody(void **state) {
    (void)state;
    const uint64_t calls[] = {CPU_ON, CPU_OFF, CPU_SUSPEND, AFFINITY_INFO, 0x84000000, 0x12345678};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct message record = psci_record(0, 0, calls[i], 1, WORLD_RAM, 0);
        assert_int_equal(killed_at_every_request(&record), 0);
        assert_int_equal(fakert.requests, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(turning_a_cpu_on),
        TEST(turning_a_cpu_off),
        TEST(cpus_do_not_disturb_each_other),
        TEST(questions_leave_nothing),
        TEST(dying_while_init_is_told),
        TEST(other_calls_ask_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
