// The control line: requests in any pieces, files, clients that go away, a device that is slow.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/monitor/world.h"

static int begin(void **state) {
    (void)state;
    world_reset();
    return 0;
}

static void expect_answer(const char *text) { assert_string_equal(world_answer(), text); }

static void send_mark(void) {
    for (unsigned i = 0; i < CONTROL_MARK; i++)
        world_request_bytes(&(uint8_t){(uint8_t)(255 - i)}, 1);
}

static void test_requests_in_pieces_and_together(void **state) {
    (void)state;
    world_request("ec");
    world_request("ho 1");
    expect_answer("");
    world_request("\n\n\r\necho 2\r\necho 3\n");
    expect_answer(" 1\nok\n 2\nok\n 3\nok\n");
}

static void test_long_lines_are_refused_as_a_whole(void **state) {
    (void)state;
    char line[600];
    memset(line, 'x', sizeof(line));
    memcpy(line, "echo ", 5);
    line[CONTROL_LINE] = '\n';
    line[CONTROL_LINE + 1] = '\0';
    world_request(line);
    assert_int_equal(strlen(world_answer()), CONTROL_LINE - 5 + 1 + 1 + 3);
    line[CONTROL_LINE] = line[CONTROL_LINE + 1] = 'x';
    line[sizeof(line) - 2] = '\n';
    line[sizeof(line) - 1] = '\0';
    world_request(line);
    expect_answer("error: the line is longer than 256 bytes\n");
    world_request("echo 1\n");
    expect_answer(" 1\nok\n");
}

static void send_file(const char *request, unsigned size) {
    static uint8_t bytes[WORLD_STREAM / 2];
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 31 >> 2);
    world_request(request);
    world_request_bytes(bytes, size / 3);
    world_request_bytes(bytes + size / 3, size - size / 3);
}

static void test_a_file_comes_as_it_is(void **state) {
    (void)state;
    send_file("replace sbi-server #60000\n", 60000);
    assert_int_equal(world.replaced, 1);
    assert_int_equal(world.replaced_bytes, 60000);
    for (unsigned i = 0; i < 60000; i++)
        assert_int_equal(world.file[i], (uint8_t)(i * 31 >> 2));
    expect_answer(""); // it is not decided
    world.outcome = (struct rt_words){.word = {STATUS_OK, MONITOR_REPLACED, 1, STATUS_OK, 8123}};
    world_send(EXIT_SIGNAL, 0);
    expect_answer(" sbi-server: replaced, guests paused 8,123 instructions\nok\n");
}

static void test_a_file_that_does_not_fit_is_skipped(void **state) {
    (void)state;
    send_file("replace sbi-server #65537\n", 65537);
    expect_answer("error: the file has 65,537 bytes, at most 65,536 fit: strip it\n");
    assert_int_equal(world.replaced_bytes, 0);
    send_file("replace nobody #100\n", 100);
    assert_non_null(strstr(world_answer(), "error: there is no server `nobody`"));
    world_request("echo 1\n");
    expect_answer(" 1\nok\n");
}

static void test_sizes_that_are_none(void **state) {
    (void)state;
    static const char *const sizes[] = {"#",  "#0",          "#-1",
                                        "#x", "#4294967296", "#99999999999999999999999"};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char line[64];
        snprintf(line, sizeof(line), "replace console %s\n", sizes[i]);
        world_request(line);
        assert_non_null(strstr(world_answer(), "is no size"));
    }
    world_open();
    world_type("replace console #5\r");
    assert_non_null(strstr(world_screen(), "on the control line only"));
}

static void test_the_mark_ends_whatever_was_going_on(void **state) {
    (void)state;
    static const char *const begun[] = {"", "half a li", "replace console #1000\nabc"};
    for (unsigned i = 0; i < 3; i++) {
        world_request(begun[i]);
        if (i == 1)
            world_request_bytes("\xff\xfe\xfd", 3); // the beginning of one is none
        send_mark();
        world_request("echo 4711\n");
        expect_answer(" 4711\nok\n");
    }
    // A line that was too long as well.
    char line[400];
    memset(line, 'x', sizeof(line));
    world_request_bytes(line, sizeof(line));
    send_mark();
    world_request("echo 1\n");
    expect_answer(" 1\nok\n");
}

static void test_bytes_like_the_marks_are_a_files(void **state) {
    (void)state;
    uint8_t bytes[64];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(255 - i % (CONTROL_MARK - 1)); // all but its last, again and again
    world_request("replace console #64\n");
    world_request_bytes(bytes, sizeof(bytes));
    assert_int_equal(world.replaced_bytes, 64);
    assert_memory_equal(world.file, bytes, sizeof(bytes));
}

static void test_the_console_can_use_the_files_place(void **state) {
    (void)state;
    world.file_bytes = 100;
    world_request("replace console #8\nabcd");
    world_open();
    world_type("replace sbi-server /server\r");
    assert_int_equal(world.replaced_bytes, 100);
    world.outcome = (struct rt_words){.word = {STATUS_OK, MONITOR_REPLACED, 1}};
    world_send(EXIT_SIGNAL, 0);
    world_request("efgh");
    expect_answer("error: somebody at the console used the file's place: try again\n");
    assert_string_equal((const char *)world.file, "/server");
}

// A device that has room for few bytes: the next request waits.
static void test_a_slow_device_gets_everything(void **state) {
    (void)state;
    world.room = 0;
    world_request("help\necho 1\nfly\n");
    char all[4096] = "";
    for (unsigned i = 0; i < 3000; i++) {
        world.room = 1;
        world_send(EXIT_IRQ, 0);
        strcat(all, world_answer());
    }
    world.room = UINT32_MAX;
    world_request("help\necho 1\nfly\n");
    assert_string_equal(world_answer(), all);
}

static void test_calls_are_refused(void **state) {
    (void)state;
    struct message record = fakert_record(EXIT_CALL, 1, 0, 1);
    struct reply reply = {0};
    monitor_handle(&world.monitor, &record, &reply);
    assert_int_equal(reply.word[0], STATUS_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_requests_in_pieces_and_together, begin),
        cmocka_unit_test_setup(test_long_lines_are_refused_as_a_whole, begin),
        cmocka_unit_test_setup(test_a_file_comes_as_it_is, begin),
        cmocka_unit_test_setup(test_a_file_that_does_not_fit_is_skipped, begin),
        cmocka_unit_test_setup(test_sizes_that_are_none, begin),
        cmocka_unit_test_setup(test_the_mark_ends_whatever_was_going_on, begin),
        cmocka_unit_test_setup(test_bytes_like_the_marks_are_a_files, begin),
        cmocka_unit_test_setup(test_the_console_can_use_the_files_place, begin),
        cmocka_unit_test_setup(test_a_slow_device_gets_everything, begin),
        cmocka_unit_test_setup(test_calls_are_refused, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
