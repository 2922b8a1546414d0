// The monitor at the console: the key that leads to it, and its line, which stands below everybody
// else's and is in nobody's way.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/console/world.h"

#define ESCAPE "\x14"
#define SERVER 1
#define GUEST 2
#define OTHER 3
#define MONITOR 4
#define PROMPT "\r\033[Kexeunt> "

static void prepare(void) {
    world_reset();
    world_client(0, CONSOLE_CLIENT_HYPERVISOR, "init");
    world_client(SERVER, CONSOLE_CLIENT_HYPERVISOR, "server");
    world_client(GUEST, CONSOLE_CLIENT_GUEST, "first");
    world_client(OTHER, CONSOLE_CLIENT_HYPERVISOR, "other");
    world_client(MONITOR, CONSOLE_CLIENT_MONITOR, "monitor");
}

static void begin(void) {
    prepare();
    world_start();
}

static void type(const char *text) {
    world_type(text);
    world_send(EXIT_IRQ, 0, 1);
}

static void expect_input(unsigned client, const char *text) {
    struct ring *ring = &world.in[client];
    assert_int_equal(ring->head - ring->tail, strlen(text));
    for (; *text != '\0'; text++)
        assert_int_equal(ring->data[ring->tail++ % RING_BYTES], *text);
}

static void write_and_tell(unsigned client, const char *text) {
    world_write(client, text);
    world_send(EXIT_SIGNAL, client, 1);
}

static void test_the_key_leads_there_and_back(void **context) {
    (void)context;
    begin();
    type("a" ESCAPE "ps\r");
    expect_input(GUEST, "a");
    expect_input(MONITOR, "ps\r");
    assert_int_equal(world.in[MONITOR].reserved, CONSOLE_FOCUS_MONITOR);
    assert_int_equal(world.last_signal, WORLD_SIGNALS + MONITOR);
    type(ESCAPE);
    assert_int_equal(world.in[MONITOR].reserved, CONSOLE_FOCUS_GUEST);
    assert_int_equal(world.last_signal, WORLD_SIGNALS + MONITOR); // it is told of that, too
    type("b");
    expect_input(GUEST, "b");
    expect_input(MONITOR, "");
}

static void test_typed_twice_the_key_is_the_guests(void **context) {
    (void)context;
    begin();
    type(ESCAPE ESCAPE "x");
    expect_input(GUEST, ESCAPE "x");
    type(ESCAPE);
    type(ESCAPE); // in two interrupts, too
    expect_input(GUEST, ESCAPE);
    type(ESCAPE "k" ESCAPE "y");
    expect_input(GUEST, "y");
    expect_input(MONITOR, "k");
}

static void test_the_monitor_leaves_by_itself(void **context) {
    (void)context;
    begin();
    type(ESCAPE "exit\r");
    expect_input(MONITOR, "exit\r");
    world.out[MONITOR].reserved = CONSOLE_FOCUS_LEAVE;
    world_send(EXIT_SIGNAL, MONITOR, 1);
    assert_int_equal(world.in[MONITOR].reserved, CONSOLE_FOCUS_GUEST);
    assert_int_equal(world.out[MONITOR].reserved, 0);
    type("x");
    expect_input(GUEST, "x");
}

static void test_without_a_monitor_the_key_is_a_key(void **context) {
    (void)context;
    world_reset();
    world_client(0, CONSOLE_CLIENT_HYPERVISOR, "init");
    world_client(1, CONSOLE_CLIENT_GUEST, "first");
    world_start();
    assert_int_equal(world.logs, 0);
    type(ESCAPE);
    expect_input(1, ESCAPE);
}

static void test_the_key_is_said_once(void **context) {
    (void)context;
    begin();
    assert_int_equal(world.logs, 1);
    assert_non_null(strstr(world.last_log, "Ctrl-T"));
    world_start(); // a server that replaces one says nothing
    assert_int_equal(world.logs, 1);
}

static void test_focus_outlives_the_server(void **context) {
    (void)context;
    begin();
    type(ESCAPE);
    world.in[MONITOR].reserved = 0; // it died before it could say so
    unsigned signals = world.signals;
    world_start();
    assert_int_equal(world.in[MONITOR].reserved, CONSOLE_FOCUS_MONITOR);
    assert_int_equal(world.signals, signals + 1);
    type("k");
    expect_input(MONITOR, "k");
    world_start();
    type(ESCAPE "g");
    expect_input(GUEST, "g");
}

static void test_line_stands_below_all_others(void **context) {
    (void)context;
    begin();
    write_and_tell(MONITOR, PROMPT "p");
    assert_string_equal(world_rendered(), "exeunt> p");
    write_and_tell(GUEST, "guest\n");
    assert_string_equal(world_rendered(), "guest\nexeunt> p");
    write_and_tell(SERVER, "server\n");
    write_and_tell(MONITOR, "s");
    assert_string_equal(world_rendered(), "guest\nserver\nexeunt> ps");
    write_and_tell(MONITOR, "\n table\n" PROMPT);
    assert_string_equal(world_rendered(), "guest\nserver\nexeunt> ps\n table\nexeunt> ");
    write_and_tell(MONITOR, "x" PROMPT); // that was taken back
    write_and_tell(SERVER, "again\n");
    assert_string_equal(world_rendered(), "guest\nserver\nexeunt> ps\n table\nagain\nexeunt> ");
    write_and_tell(MONITOR, "\n");
    write_and_tell(GUEST, "free");
    assert_string_equal(world_rendered(),
                        "guest\nserver\nexeunt> ps\n table\nagain\nexeunt> \nfree");
}

// A line that is taken back again and again does not fill the ring.
static void test_line_that_begins_anew_takes_no_room(void **context) {
    (void)context;
    begin();
    for (unsigned i = 0; i < 1000; i++) {
        write_and_tell(MONITOR, PROMPT "a long line that is edited");
        assert_true(world.out[MONITOR].head - world.out[MONITOR].tail < 100);
    }
    assert_string_equal(world_rendered(), "exeunt> a long line that is edited");
}

static void test_guests_unfinished_line_waits(void **context) {
    (void)context;
    begin();
    write_and_tell(GUEST, "login: ");
    write_and_tell(MONITOR, PROMPT);
    write_and_tell(GUEST, "root");
    assert_string_equal(world_rendered(), "login: \nexeunt> ");
    write_and_tell(GUEST, "\nPass");
    assert_string_equal(world_rendered(), "login: \nroot\nexeunt> ");
    write_and_tell(MONITOR, "\n"); // left
    assert_string_equal(world_rendered(), "login: \nroot\nexeunt> \nPass");
}

// Who is out of room is written all the same; the monitor's line returns with what is typed there.
static void test_forced_line_of_a_guest_is_not_cut(void **context) {
    (void)context;
    begin();
    write_and_tell(MONITOR, PROMPT);
    char half[RING_BYTES / 2], wanted[sizeof(half) + 32];
    memset(half, 'h', sizeof(half));
    world_write_bytes(GUEST, half, sizeof(half));
    assert_int_equal(world_send(EXIT_CALL, GUEST, CONSOLE_FLUSH), STATUS_OK);
    write_and_tell(GUEST, " and half");
    memcpy(wanted, half, sizeof(half));
    strcpy(wanted + sizeof(half), " and half");
    assert_string_equal(world_rendered(), wanted);
    write_and_tell(MONITOR, "k");
    strcat(wanted, "\nexeunt> k");
    assert_string_equal(world_rendered(), wanted);
    write_and_tell(GUEST, "x\n");
    strcpy(wanted + sizeof(half), " and half\nx\nexeunt> k");
    assert_string_equal(world_rendered(), wanted);
}

static void test_line_without_end_is_let_go(void **context) {
    (void)context;
    begin();
    char bytes[RING_BYTES];
    memset(bytes, 'x', sizeof(bytes));
    world_write_bytes(MONITOR, bytes, sizeof(bytes));
    world_send(EXIT_SIGNAL, MONITOR, 1);
    assert_int_equal(world.out[MONITOR].tail, RING_BYTES);
    assert_int_equal(world.written, RING_BYTES);
}

static void test_contradictory_counters_end_nothing(void **context) {
    (void)context;
    begin();
    write_and_tell(MONITOR, PROMPT);
    world.out[MONITOR].tail = 7777;
    write_and_tell(GUEST, "guest\n");
    world.out[MONITOR].head = 7778;
    write_and_tell(GUEST, "guest\n");
    assert_non_null(strstr(world_rendered(), "guest\nguest\n"));
}

static void test_the_end_takes_the_line_away(void **context) {
    (void)context;
    begin();
    write_and_tell(MONITOR, PROMPT "p");
    world_write(0, "Hypervisor ok!\n");
    world.out[0].reserved = 1;
    world_send(EXIT_SIGNAL, 0, 1);
    assert_int_equal(world.calls, 1);
    assert_string_equal(world_rendered(), "Hypervisor ok!\n");
}

// The steps of a session, each once, whoever dies.
static void step(unsigned number) {
    static const struct {
        unsigned client;
        const char *text;
    } steps[] = {{GUEST, "boot\nlogin: "}, {MONITOR, PROMPT},    {MONITOR, "ps"},
                 {GUEST, "root\n"},        {SERVER, "server\n"}, {MONITOR, "\n a\n b\n" PROMPT},
                 {GUEST, "held"},          {OTHER, "other\n"},   {MONITOR, "e" PROMPT "exit\n"},
                 {GUEST, " now\n"}};
    if (number < sizeof(steps) / sizeof(steps[0]))
        world_write(steps[number].client, steps[number].text);
    world_send(EXIT_SIGNAL, 0, 1);
}

static void run(void) {
    static volatile unsigned now; // keeps its value over the longjmp
    now = 0;
    if (setjmp(world.grave) != 0) {
        // What was signalled is signalled to the next one again.
        world_start();
        now++;
    } else {
        world_start();
    }
    for (; now < 11; now++)
        step(now);
}

static void test_death_at_any_byte_changes_nothing(void **context) {
    (void)context;
    static char expected[WORLD_SCREEN];
    prepare();
    world.has_fifo = false;
    run();
    snprintf(expected, sizeof(expected), "%s", world_rendered());
    assert_string_equal(expected, "boot\nlogin: \nroot\nserver\nexeunt> ps\n a\n b\nother\n"
                                  "exeunt> exit\nheld now\n");
    unsigned bytes = world.put.calls;
    for (unsigned at = 1; at <= bytes; at++) {
        for (unsigned how = 0; how < WORLD_DEATHS; how++) {
            prepare();
            world.has_fifo = false;
            world.put.at = at;
            world.put.how = (enum world_death)how;
            run();
            assert_int_equal(world.put.at, 0);
            if (strcmp(world_rendered(), expected) != 0)
                fail_msg("death %u at byte %u: %s", how, at, world_rendered());
        }
    }
}

// The UART is full at any byte.
static void test_stalled_uart_changes_nothing(void **context) {
    (void)context;
    for (unsigned room = 1; room < 120; room++) {
        begin();
        world.has_fifo = false;
        world_start();
        world.room = room;
        for (unsigned i = 0; i < 11; i++)
            step(i);
        world.room = WORLD_SCREEN - room;
        world_send(EXIT_IRQ, 0, 1);
        const char *found = world_rendered();
        assert_non_null(strstr(found, "exeunt> exit\n"));
        char own[256] = "";
        for (const char *line = found; *line != '\0'; line += strcspn(line, "\n") + 1) {
            if (strncmp(line, "exeunt", 6) != 0 && *line != ' ')
                strncat(own, line, strcspn(line, "\n"));
        }
        assert_non_null(strstr(own, "boot"));
        assert_non_null(strstr(own, "server"));
        assert_non_null(strstr(own, "other"));
        assert_non_null(strstr(own, "now"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_key_leads_there_and_back),
        cmocka_unit_test(test_typed_twice_the_key_is_the_guests),
        cmocka_unit_test(test_the_monitor_leaves_by_itself),
        cmocka_unit_test(test_without_a_monitor_the_key_is_a_key),
        cmocka_unit_test(test_the_key_is_said_once),
        cmocka_unit_test(test_focus_outlives_the_server),
        cmocka_unit_test(test_line_stands_below_all_others),
        cmocka_unit_test(test_line_that_begins_anew_takes_no_room),
        cmocka_unit_test(test_guests_unfinished_line_waits),
        cmocka_unit_test(test_forced_line_of_a_guest_is_not_cut),
        cmocka_unit_test(test_line_without_end_is_let_go),
        cmocka_unit_test(test_contradictory_counters_end_nothing),
        cmocka_unit_test(test_the_end_takes_the_line_away),
        cmocka_unit_test(test_death_at_any_byte_changes_nothing),
        cmocka_unit_test(test_stalled_uart_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
