// What the console does at each record: input, shutting down, calls it does not know; and its
// config.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/init.h"
#include "tests/unit/console/world.h"

static void begin(void) {
    world_reset();
    world_client(0, CONSOLE_CLIENT_HYPERVISOR, "init");
    world_client(1, CONSOLE_CLIENT_GUEST, "first");
    world_client(2, CONSOLE_CLIENT_GUEST, "second");
    world_start();
}

static void test_input_goes_to_the_guest_in_focus(void **context) {
    (void)context;
    begin();
    world_type("ls\r");
    world_send(EXIT_IRQ, 0, 1);
    assert_int_equal(world.in[1].head, 3);
    assert_memory_equal(world.in[1].data, "ls\r", 3);
    assert_int_equal(world.in[2].head, 0);
    assert_int_equal(world.signals, 1); // once, not for every byte
    assert_int_equal(world.last_signal, WORLD_SIGNALS + 1);
    world_send(EXIT_IRQ, 0, 1); // there is nothing
    assert_int_equal(world.signals, 1);
    assert_int_equal(world.written, 0); // what is typed is for the guest to echo
}

static void test_input_without_a_guest_is_taken_from_the_uart(void **context) {
    (void)context;
    world_reset();
    world_client(0, CONSOLE_CLIENT_HYPERVISOR, "init");
    world_start();
    world_type("x");
    world_send(EXIT_IRQ, 0, 1);
    assert_int_equal(world_taken(), 1);
    assert_int_equal(world.signals, 0);
}

static void test_input_of_before_the_start_is_kept(void **context) {
    (void)context;
    begin();
    world_type("typed while the server was dead");
    world_start();
    assert_int_equal(world.in[1].head, 31);
    assert_int_equal(world.signals, 1);
}

static void test_input_that_does_not_fit_is_dropped_and_said_once(void **context) {
    (void)context;
    begin();
    world.in[1].head = RING_BYTES - 2;
    world_type("abcd");
    world_send(EXIT_IRQ, 0, 1);
    assert_int_equal(world.in[1].head, RING_BYTES);
    assert_memory_equal(world.in[1].data + RING_BYTES - 2, "ab", 2);
    assert_int_equal(world.console.peer[1].dropped, 2);
    assert_int_equal(world.logs, 1);
    assert_non_null(strstr(world.last_log, "first"));
    world_type("e");
    world_send(EXIT_IRQ, 0, 1);
    assert_int_equal(world.console.peer[1].dropped, 3);
    assert_int_equal(world.logs, 1);
    world.in[1].tail = 1;
    world_type("fg"); // one fits, one does not: another overflow
    world_send(EXIT_IRQ, 0, 1);
    assert_int_equal(world.in[1].data[0], 'f');
    assert_int_equal(world.logs, 2);
    assert_int_equal(world.signals, 2);
}

static void test_contradictory_input_counters_take_nothing(void **context) {
    (void)context;
    begin();
    world.in[1].head = 5;
    world.in[1].tail = 6;
    world_type("abc");
    world_send(EXIT_IRQ, 0, 1);
    assert_int_equal(world.in[1].head, 5);
    assert_int_equal(world.signals, 0);
}

static void test_one_interrupt_takes_a_bounded_number_of_bytes(void **context) {
    (void)context;
    begin();
    world.typed_count = sizeof(world.typed);
    world_send(EXIT_IRQ, 0, 1);
    assert_int_equal(world_taken(), 64);
}

static void test_init_is_told_once_when_all_is_written(void **context) {
    (void)context;
    begin();
    world_send(EXIT_SIGNAL, 0, 1);
    assert_int_equal(world.calls, 0); // it has not asked
    world.room = 8;
    world_write(0, "Hypervisor ok!\nno newline");
    world_write(1, "a");
    world_write(2, "b"); // would wait for the first guest's line
    world.out[0].reserved = 1;
    world_send(EXIT_SIGNAL, 0, 1);
    assert_int_equal(world.calls, 0); // the UART is full
    world.room = WORLD_SCREEN;
    world_send(EXIT_IRQ, 0, 1);
    assert_string_equal(world_screen(), "[first] a\n[second] b\nHypervisor ok!\nno newline\n");
    assert_int_equal(world.calls, 1);
    assert_int_equal(world.last_call.word[0], INIT_DRAINED);
    world_send(EXIT_SIGNAL, 0, 1);
    world_start(); // nor does the next incarnation tell it again
    assert_int_equal(world.calls, 1);
    world.out[0].reserved = 0;
    world_send(EXIT_SIGNAL, 0, 1);
    world.out[0].reserved = 1;
    world_send(EXIT_SIGNAL, 0, 1);
    assert_int_equal(world.calls, 2); // asked again
}

static void test_a_guests_ring_asks_for_nothing(void **context) {
    (void)context;
    world_reset(); // a console that has guests only
    world_client(0, CONSOLE_CLIENT_GUEST, "guest");
    world_start();
    world.out[0].reserved = 1;
    world_send(EXIT_SIGNAL, 0, 1);
    assert_int_equal(world.calls, 0);
}

static void test_unknown_records_change_nothing(void **context) {
    (void)context;
    begin();
    world_write(1, "waits");
    for (unsigned class = 0; class <= EXIT_COUNT; class ++) {
        if (class == EXIT_SIGNAL || class == EXIT_IRQ || class == EXIT_CALL)
            continue;
        assert_int_equal(world_send((enum exit_class) class, 1, ~0ull), 0);
        assert_int_equal(world.written, 0);
    }
    assert_int_equal(world_send(EXIT_CALL, 1, CONSOLE_FLUSH + 1), STATUS_UNSUPPORTED);
    assert_int_equal(world_send(EXIT_CALL, 1, ~0ull), STATUS_UNSUPPORTED);
    assert_int_equal(world.written, 0);
}

static void refuse(const char *entry, const char *expected) {
    static struct console console;
    const char *wrong = NULL, *why = NULL;
    assert_int_equal(console_configure(&console, world.config, &wrong, &why), STATUS_INVALID);
    assert_string_equal(wrong, entry);
    assert_string_equal(why, expected);
}

static void test_wrong_config_is_refused_by_name(void **context) {
    (void)context;
    begin();
    world_entry("out-3", CONFIG_NUMBER, 1);
    refuse("out-3", "is no window");
    begin();
    world_entry("in-0", CONFIG_WINDOW, 0x1000)->size = 4095;
    refuse("in-0", "is no ring: too small, or misaligned");
    begin();
    world_entry("in-0", CONFIG_WINDOW, 0x1001);
    refuse("in-0", "is no ring: too small, or misaligned");
    begin();
    world_entry("kind-0", CONFIG_NUMBER, 3);
    refuse("kind-0", "is no kind of client");
    begin();
    world_entry("kind-0", CONFIG_NUMBER, CONSOLE_CLIENT_MONITOR);
    refuse("in-N", "is missing for the monitor");
    begin();
    world_entry("kind-1", CONFIG_NUMBER, CONSOLE_CLIENT_MONITOR);
    world_entry("kind-2", CONFIG_NUMBER, CONSOLE_CLIENT_MONITOR);
    refuse("kind-N", "says monitor of two");
    begin();
    world_entry("name-0", CONFIG_NUMBER, 2);
    refuse("name-0", "is no text");
    begin();
    world_entry("signal-0", CONFIG_NUMBER, 2);
    refuse("signal-0", "is no capability");
    begin();
    world_entry("out-32", CONFIG_WINDOW, (uintptr_t)&world.out[3]);
    refuse("out-32", "has too high a number");
    begin();
    world_entry("out-4", CONFIG_WINDOW, (uintptr_t)&world.out[3]);
    refuse("out-N", "is missing for a number below others' numbers");
}

static void test_other_config_is_not_the_clients(void **context) {
    (void)context;
    begin();
    world_entry("out-", CONFIG_NUMBER, 0);
    world_entry("out-x", CONFIG_NUMBER, 0);
    world_entry("output-1", CONFIG_NUMBER, 0);
    world_entry("kind-4294967297", CONFIG_TEXT, 0);
    world_start();
    assert_int_equal(world.console.count, 3);
    assert_int_equal(world.console.init, 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_input_goes_to_the_guest_in_focus),
        cmocka_unit_test(test_input_without_a_guest_is_taken_from_the_uart),
        cmocka_unit_test(test_input_of_before_the_start_is_kept),
        cmocka_unit_test(test_input_that_does_not_fit_is_dropped_and_said_once),
        cmocka_unit_test(test_contradictory_input_counters_take_nothing),
        cmocka_unit_test(test_one_interrupt_takes_a_bounded_number_of_bytes),
        cmocka_unit_test(test_init_is_told_once_when_all_is_written),
        cmocka_unit_test(test_a_guests_ring_asks_for_nothing),
        cmocka_unit_test(test_unknown_records_change_nothing),
        cmocka_unit_test(test_wrong_config_is_refused_by_name),
        cmocka_unit_test(test_other_config_is_not_the_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
