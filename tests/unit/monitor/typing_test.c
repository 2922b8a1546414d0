// The console's side: the prompt, the line that is edited, leaving.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/monitor/world.h"

#define ANEW "\r\033[K"
#define PROMPT ANEW "exeunt> "
#define HELLO "monitor: `help` names the commands, Ctrl-T or `exit` leaves\n"
#define LEFT ANEW "monitor: left, what is typed is for the guest\n"

static int begin(void **state) {
    (void)state;
    world_reset();
    return 0;
}

static void expect_screen(const char *text) { assert_string_equal(world_screen(), text); }

static void test_nothing_is_shown_before_it_is_opened(void **state) {
    (void)state;
    world_send(EXIT_SIGNAL, 0);
    world_send(EXIT_IRQ, 0);
    expect_screen("");
}

static void test_prompt_and_echo(void **state) {
    (void)state;
    world_open();
    expect_screen(HELLO PROMPT);
    world_type("echo");
    expect_screen("echo");
    assert_int_equal(fakert.request[fakert.requests - 1].kind, FAKERT_SIGNAL);
    assert_int_equal(fakert.request[fakert.requests - 1].slot, WORLD_CONSOLE);
    world_type(" a\r");
    expect_screen(" a\n a\n" PROMPT);
    world_type("\r\n\n");
    expect_screen("\n" PROMPT "\n" PROMPT);
    world_type("fly\n");
    expect_screen("fly\n there is no command `fly`: `help` names them all\n" PROMPT);
}

static void test_editing(void **state) {
    (void)state;
    world_open();
    (void)world_screen();
    world_type("ab\x7f\x08\x08z");
    expect_screen("ab" PROMPT "a" PROMPT PROMPT "z");
    world_type("\x15x\x15");
    expect_screen(PROMPT "x" PROMPT);
    // Keys that send more than a byte, and bytes that are no text.
    world_type("e\033[Ac\033OPh\033[15~o\x01\xc3\xa4\t");
    expect_screen("echo");
    world_type(" 1\r");
    assert_non_null(strstr(world_screen(), "\n 1\n"));
    // As long as a line can be.
    for (unsigned i = 0; i < 2 * MONITOR_LINE; i++)
        world_type("y");
    assert_int_equal(strlen(world_screen()), MONITOR_LINE - 1);
}

static void test_leaving(void **state) {
    (void)state;
    static const char *const ways[] = {"exit\r", "\x04"};
    for (unsigned i = 0; i < 2; i++) {
        world_open();
        (void)world_screen();
        world_type(ways[i]);
        assert_non_null(strstr(world_screen(), LEFT));
        assert_int_equal(world.out.reserved, CONSOLE_FOCUS_LEAVE);
        world_send(EXIT_SIGNAL, 0); // before the console has done it
        expect_screen("");
        world.in.reserved = world.out.reserved = CONSOLE_FOCUS_GUEST;
        world_send(EXIT_SIGNAL, 0);
        expect_screen("");
    }
    // The key.
    world_open();
    world_type("p");
    (void)world_screen();
    world.in.reserved = CONSOLE_FOCUS_GUEST;
    world_send(EXIT_SIGNAL, 0);
    expect_screen(LEFT);
    world_open();
    world_type("\x04"); // what had been typed is forgotten: this leaves
    assert_int_equal(world.out.reserved, CONSOLE_FOCUS_LEAVE);
}

static void test_what_was_typed_before_leaving_is_done(void **state) {
    (void)state;
    world_open();
    (void)world_screen();
    world.in.reserved = CONSOLE_FOCUS_GUEST;
    world_type("echo 5\r");
    expect_screen("echo 5\n 5\n" PROMPT LEFT);
}

static void test_prompt_outlives_the_monitor(void **state) {
    (void)state;
    world_open();
    world_type("ps");
    (void)world_screen();
    world_restart();
    expect_screen(PROMPT);
    world_type("\r");
    expect_screen("\n" PROMPT); // the line is lost, no more
}

// An answer that is larger than the ring goes through it in parts.
static void test_long_answers(void **state) {
    (void)state;
    world_open();
    (void)world_screen();
    memset(world.log, 'x', sizeof(world.log));
    for (unsigned i = 0; i < sizeof(world.log); i += 64)
        world.log[i] = '\n';
    world.log_size = sizeof(world.log) - 1;
    world_type("log\rlog\r");
    assert_true(strlen(world_screen()) > 2 * RING_BYTES);
    // A console that takes nothing does not hold the monitor up.
    world.stuck = true;
    world_type("log\rlog\r");
    assert_int_equal(world.out.head - world.out.tail, RING_BYTES);
    world.stuck = false;
    (void)world_screen();
    world_type("echo back\r");
    assert_non_null(strstr(world_screen(), "\n back\n"));
}

static void test_contradictory_counters_are_no_input(void **state) {
    (void)state;
    world_open();
    (void)world_screen();
    world.in.head = 5;
    world.in.tail = 6;
    world_send(EXIT_SIGNAL, 0);
    world.in.tail = 5 - RING_BYTES - 1;
    world_send(EXIT_SIGNAL, 0);
    expect_screen("");
}

static void test_without_a_console_the_line_works(void **state) {
    (void)state;
    world.monitor.typing.in = world.monitor.typing.out = NULL;
    world.in.reserved = CONSOLE_FOCUS_MONITOR;
    world_request("echo 1\nexit\n");
    assert_string_equal(world_answer(), " 1\nok\nok\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_is_shown_before_it_is_opened, begin),
        cmocka_unit_test_setup(test_prompt_and_echo, begin),
        cmocka_unit_test_setup(test_editing, begin),
        cmocka_unit_test_setup(test_leaving, begin),
        cmocka_unit_test_setup(test_what_was_typed_before_leaving_is_done, begin),
        cmocka_unit_test_setup(test_prompt_outlives_the_monitor, begin),
        cmocka_unit_test_setup(test_long_answers, begin),
        cmocka_unit_test_setup(test_contradictory_counters_are_no_input, begin),
        cmocka_unit_test_setup(test_without_a_console_the_line_works, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
