// A passed deadline is the guest's timer interrupt, and a guest that waits is let wait; a record
// that comes again is answered the same.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fakert/fakert.h"

// servers/timer-server/main.c's main.
int timer_server_main(void);

static int begin(void **unused) {
    (void)unused;
    fakert_reset();
    return 0;
}

static struct reply serve(const struct message *record) {
    fakert_reset();
    fakert_send(record);
    fakert_send(record);
    assert_int_equal(fakert_run(timer_server_main), FAKERT_WAITING);
    assert_int_equal(fakert.answered, 2);
    assert_memory_equal(&fakert.answer[0], &fakert.answer[1], sizeof(struct reply));
    assert_true(fakert_is_valid(record, &fakert.answer[0]));
    assert_int_equal(fakert.requests, 0);
    return fakert.answer[0];
}

static void test_a_passed_deadline_raises_the_timer_interrupt(void **state) {
    (void)state;
    for (unsigned vcpu = 0; vcpu < SYSCALL_VCPUS_MAX; vcpu++) {
        struct message record = fakert_record(EXIT_TIMER, vcpu % 4, vcpu, 10);
        record.word[0] = 1000;
        record.word[1] = 1001;
        struct reply reply = serve(&record);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_RAISE | REPLY_INTERRUPT(INTERRUPT_TIMER));
        // In the one that exited.
        assert_int_equal(reply.word[4], 0);
    }
}

static void test_an_idle_guest_waits_behind_its_instruction(void **state) {
    (void)state;
    struct message record = fakert_record(EXIT_IDLE, 0, 0, 10);
    record.word[0] = 1000;
    assert_int_equal(serve(&record).flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_PARK);
    // By as many bytes as the record says.
    record.word[2] = 2;
    assert_int_equal(serve(&record).word[6], 2);
}

static void test_an_idle_guest_with_an_interrupt_goes_on(void **state) {
    (void)state;
    struct message record = fakert_record(EXIT_IDLE, 0, 0, 10);
    for (unsigned bit = 0; bit < 64; bit++) {
        record.word[1] = 1ull << bit;
        assert_int_equal(serve(&record).flags, REPLY_FLAGS | REPLY_ADVANCE);
    }
}

static void test_records_that_are_no_exits_are_answered(void **state) {
    (void)state;
    struct message record = fakert_record(EXIT_CALL, 9, 0, 0);
    assert_int_equal(serve(&record).word[0], STATUS_UNSUPPORTED);
    record = fakert_record(EXIT_SIGNAL, 9, 0, 0);
    serve(&record);
}

static void test_exits_that_are_not_its_own_end_the_server(void **state) {
    (void)state;
    const enum exit_class classes[] = {EXIT_HYPERCALL, EXIT_STAGE2,  EXIT_SYSREG, EXIT_IO,
                                       EXIT_SHUTDOWN,  EXIT_REFUSED, EXIT_IRQ,    EXIT_FAULT};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        struct message record = fakert_record(classes[i], 0, 0, 1);
        fakert_reset();
        fakert_send(&record);
        assert_int_equal(fakert_run(timer_server_main), FAKERT_DIED);
        assert_int_equal(fakert.answered, 0);
        if (classes[i] != EXIT_REFUSED) {
            assert_non_null(strstr(fakert.text, exit_class_name(classes[i])));
        }
    }
}

static void test_a_refusal_is_named(void **state) {
    (void)state;
    struct message record = fakert_record(EXIT_REFUSED, 3, 0, 1);
    record.word[0] = STATUS_DENIED;
    fakert_send(&record);
    assert_int_equal(fakert_run(timer_server_main), FAKERT_DIED);
    assert_non_null(strstr(fakert.text, status_text(STATUS_DENIED)));
    assert_non_null(strstr(fakert.text, "VM 3"));
}

#define TEST(name) cmocka_unit_test_setup(test_##name, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_passed_deadline_raises_the_timer_interrupt),
        TEST(an_idle_guest_waits_behind_its_instruction),
        TEST(an_idle_guest_with_an_interrupt_goes_on),
        TEST(records_that_are_no_exits_are_answered),
        TEST(exits_that_are_not_its_own_end_the_server),
        TEST(a_refusal_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
