// What comes on the screen when several clients write: whose bytes, in which order, whole.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/console/world.h"

// Client 0 is init, 1 and 2 are servers.
static void begin(unsigned guests) {
    static const char *const names[] = {"first", "second"};
    world_reset();
    for (unsigned i = 0; i < 3; i++)
        world_client(i, CONSOLE_CLIENT_HYPERVISOR, "server");
    for (unsigned i = 0; i < guests; i++)
        world_client(3 + i, CONSOLE_CLIENT_GUEST, names[i]);
    world_start();
}

static void test_guest_bytes_pass_unchanged(void **context) {
    (void)context;
    begin(1);
    uint8_t bytes[256];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    // Often enough to go round the ring.
    for (unsigned round = 0; round < 40; round++) {
        world_write_bytes(3, bytes, sizeof(bytes));
        world_send(EXIT_SIGNAL, 3, 1);
        assert_int_equal(world.written, (round + 1) * sizeof(bytes));
        assert_memory_equal(world.screen + round * sizeof(bytes), bytes, sizeof(bytes));
    }
}

static void test_full_ring_is_written(void **context) {
    (void)context;
    begin(1);
    static char bytes[RING_BYTES];
    memset(bytes, 'x', sizeof(bytes));
    world_write_bytes(3, bytes, sizeof(bytes));
    world_send(EXIT_SIGNAL, 3, 1);
    assert_int_equal(world.written, RING_BYTES);
    assert_int_equal(world.out[3].tail, RING_BYTES);
}

static void test_lines_of_before_the_start_are_written(void **context) {
    (void)context;
    world_reset();
    world_client(0, CONSOLE_CLIENT_HYPERVISOR, "init");
    world_write(0, "logo\n");
    world_start();
    assert_string_equal(world_screen(), "logo\n");
}

static void test_hypervisor_line_ends_a_guests_line(void **context) {
    (void)context;
    begin(1);
    world_write(3, "login: ");
    world_write(1, "server 1 was restarted\n");
    world_send(EXIT_SIGNAL, 1, 1);
    world_write(3, "root\n");
    world_write(1, "again\n");
    world_send(EXIT_SIGNAL, 1, 1);
    assert_string_equal(world_screen(), "login: \nserver 1 was restarted\nroot\nagain\n");
}

static void test_carriage_return_behind_the_newline_begins_no_line(void **context) {
    (void)context;
    begin(1);
    world_write(3, "guest\n\r");
    world_write(1, "server\n");
    world_send(EXIT_SIGNAL, 1, 1);
    assert_string_equal(world_screen(), "guest\n\rserver\n");
}

static void test_unfinished_hypervisor_line_is_held(void **context) {
    (void)context;
    begin(1);
    world_write(1, "one\ntwo");
    world_write(2, "other\n");
    world_write(3, "guest\n");
    world_send(EXIT_SIGNAL, 1, 1);
    assert_string_equal(world_screen(), "guest\none\nother\n");
    world_write(1, " and a half\n");
    world_send(EXIT_SIGNAL, 1, 1);
    assert_string_equal(world_screen(), "guest\none\nother\ntwo and a half\n");
}

static void test_endless_hypervisor_line_is_cut(void **context) {
    (void)context;
    begin(1);
    char line[1025];
    memset(line, 'x', sizeof(line) - 1);
    line[1024] = '\0';
    line[1023] = '\0';
    world_write(1, line);
    world_send(EXIT_SIGNAL, 1, 1);
    assert_int_equal(world.written, 0);
    world_write(1, "y");
    world_send(EXIT_SIGNAL, 1, 1);
    assert_int_equal(world.written, 1025);
    assert_string_equal(world_screen() + 1023, "y\n");
}

static void test_flush_writes_an_unfinished_line(void **context) {
    (void)context;
    begin(1);
    world_write(1, "on the way");
    assert_int_equal(world_send(EXIT_CALL, 1, CONSOLE_FLUSH), STATUS_OK);
    assert_string_equal(world_screen(), "on the way\n");
    world_write(2, "too");
    assert_int_equal(world_send(EXIT_CALL, 77, CONSOLE_FLUSH), STATUS_OK);
    assert_string_equal(world_screen(), "on the way\ntoo\n");
}

static void test_several_guests_lines_are_named(void **context) {
    (void)context;
    begin(2);
    world_write(3, "hello\n\nthere\n");
    world_write(4, "world\n");
    world_write(1, "server\n");
    world_send(EXIT_SIGNAL, 99, 1);
    assert_string_equal(world_screen(),
                        "[first] hello\n[first] \n[first] there\n[second] world\nserver\n");
}

static void test_two_guests_lines_do_not_cut_each_other(void **context) {
    (void)context;
    begin(2);
    // Byte by byte, as guests do that have no better firmware call.
    static const char one[] = "aaaa\nAAAA\n", two[] = "bbbb\nBBBB\n";
    for (unsigned i = 0; i < sizeof(one) - 1; i++) {
        world_write_bytes(3, one + i, 1);
        world_send(EXIT_SIGNAL, 3, 1);
        world_write_bytes(4, two + i, 1);
        world_send(EXIT_SIGNAL, 4, 1);
    }
    assert_string_equal(world_screen(),
                        "[first] aaaa\n[second] bbbb\n[first] AAAA\n[second] BBBB\n");
}

static void test_waiting_guest_goes_on_when_the_line_before_ends(void **context) {
    (void)context;
    begin(2);
    world_write(4, "b");
    world_send(EXIT_SIGNAL, 4, 1);
    world_write(3, "a");
    world_send(EXIT_SIGNAL, 3, 1);
    world_write(4, "\n");
    world_send(EXIT_SIGNAL, 4, 1);
    assert_string_equal(world_screen(), "[second] b\n[first] a");
}

static void test_waiting_guest_is_heard_at_last(void **context) {
    (void)context;
    begin(2);
    world_write(4, "prompt> ");
    world_send(EXIT_SIGNAL, 4, 1);
    char half[RING_BYTES / 2];
    memset(half, 'a', sizeof(half));
    world_write_bytes(3, half, sizeof(half) - 1);
    world_send(EXIT_SIGNAL, 3, 1);
    assert_string_equal(world_screen(), "[second] prompt> ");
    world_write(3, "!");
    world_send(EXIT_SIGNAL, 3, 1);
    assert_memory_equal(world_screen(), "[second] prompt> \n[first] aaa", 29);
    assert_int_equal(world.out[3].tail, sizeof(half));

    // A key that is pressed brings the prompt of the guest that gets it, the first one.
    begin(2);
    world_write(4, "prompt> ");
    world_send(EXIT_SIGNAL, 4, 1);
    world_write(3, "login: ");
    world_send(EXIT_SIGNAL, 3, 1);
    world_type("k");
    world_send(EXIT_IRQ, 0, 1);
    assert_string_equal(world_screen(), "[second] prompt> \n[first] login: ");
}

// Client 0 is init, 1 and 2 are guests.
static void begin_with_patience(void) {
    world_reset();
    world_client(0, CONSOLE_CLIENT_HYPERVISOR, "init");
    world_client(1, CONSOLE_CLIENT_GUEST, "a");
    world_client(2, CONSOLE_CLIENT_GUEST, "b");
    world_has_patience();
    world_start();
}

static void test_guests_line_is_waited_for(void **context) {
    (void)context;
    begin_with_patience();
    world_write(1, "half ");
    world_send(EXIT_SIGNAL, 1, 1);
    assert_string_equal(world_screen(), "");
    world_tick(10);
    world_write(2, "whole\nhalf ");
    world_tick(10);
    world_write(1, "and half\n");
    world_tick(10);
    assert_string_equal(world_screen(), "[b] whole\n[a] half and half\n");
    world_write(2, "and half\n");
    world_tick(10);
    assert_string_equal(world_screen(), "[b] whole\n[a] half and half\n[b] half and half\n");
    // And then there is nothing to wake for.
    world_tick(10);
    assert_int_equal(world.later, 0);
}

static void test_prompt_is_not_waited_for_for_ever(void **context) {
    (void)context;
    begin_with_patience();
    world_write(1, "done\nprompt> ");
    world_send(EXIT_SIGNAL, 1, 1);
    for (unsigned ms = 0; ms < 40; ms += 10)
        world_tick(10);
    assert_string_equal(world_screen(), "[a] done\n");
    world_tick(10);
    assert_string_equal(world_screen(), "[a] done\n[a] prompt> ");
    assert_int_equal(world.later, 0);
    // What follows in that line is shown at once.
    world_write(1, "x");
    world_send(EXIT_SIGNAL, 1, 1);
    assert_string_equal(world_screen(), "[a] done\n[a] prompt> x");
}

static void test_growing_line_is_cut_by_another_guest_that_has_waited(void **context) {
    (void)context;
    begin_with_patience();
    world_write(1, ".");
    world_send(EXIT_SIGNAL, 1, 1);
    for (unsigned ms = 0; ms < 50; ms += 10)
        world_tick(10);
    world_write(2, "whole\n");
    world_write(1, ".");
    world_send(EXIT_SIGNAL, 1, 1);
    world_tick(40);
    assert_string_equal(world_screen(), "[a] ..");
    world_write(1, ".");
    world_send(EXIT_SIGNAL, 1, 1);
    world_tick(10);
    assert_string_equal(world_screen(), "[a] ...\n[b] whole\n");
    // And not by what no end of is to be seen.
    world_write(1, ".");
    world_send(EXIT_SIGNAL, 1, 1);
    world_tick(50);
    char half[RING_BYTES / 2];
    memset(half, 'b', sizeof(half));
    world_write_bytes(2, half, sizeof(half));
    world_send(EXIT_SIGNAL, 2, 1);
    assert_int_equal(world.out[2].tail, world.out[2].head);
}

static void test_endless_line_silences_no_other_guest(void **context) {
    (void)context;
    begin_with_patience();
    for (unsigned ms = 0; ms < 60 * 1000; ms += 40) {
        world_write(1, ".");
        world_send(EXIT_SIGNAL, 1, 1);
        if (ms % 1000 == 0) {
            world_write(2, "whole\n");
            world_send(EXIT_SIGNAL, 2, 1);
        }
        world_tick(40);
    }
    world_tick(50);
    assert_int_equal(world.out[2].tail, world.out[2].head);
}

static void test_servers_line_goes_before_a_guests_unfinished_one(void **context) {
    (void)context;
    begin_with_patience();
    world_write(1, "first\nhalf ");
    world_write(0, "server\n");
    world_send(EXIT_SIGNAL, 0, 1);
    world_write(1, "and half\n");
    world_tick(10);
    assert_string_equal(world_screen(), "[a] first\nserver\n[a] half and half\n");
}

// So it was cut short by the next server's line.
static void test_line_behind_one_that_a_full_uart_stopped_is_waited_for(void **context) {
    (void)context;
    begin_with_patience();
    world.room = 16;
    world_write(1, "a line that is long\n");
    world_send(EXIT_SIGNAL, 1, 1);
    assert_string_equal(world_screen(), "[a] a line that ");
    world_write(1, "half ");
    world.room = WORLD_SCREEN - 16;
    world_send(EXIT_IRQ, 0, 1);
    assert_string_equal(world_screen(), "[a] a line that is long\n");
    world_write(0, "server\n");
    world_write(1, "and half\n");
    world_send(EXIT_SIGNAL, 0, 1);
    assert_string_equal(world_screen(), "[a] a line that is long\n[a] half and half\nserver\n");
}

static void test_end_waits_for_nothing(void **context) {
    (void)context;
    begin_with_patience();
    world_write(1, "killed in the mid");
    world_send(EXIT_SIGNAL, 1, 1);
    world_write(2, "so was");
    world.out[0].reserved = 1;
    world_send(EXIT_SIGNAL, 0, 1);
    assert_string_equal(world_screen(), "[a] killed in the mid\n[b] so was");
    assert_int_equal(world.calls, 1);
}

static void test_flush_leaves_a_guests_unfinished_line_whole(void **context) {
    (void)context;
    begin_with_patience();
    world_write(1, "half ");
    world_write(2, "whole\n");
    assert_int_equal(world_send(EXIT_CALL, 2, CONSOLE_FLUSH), STATUS_OK);
    assert_string_equal(world_screen(), "[b] whole\n");
    world_write(1, "and half\n");
    world_tick(10);
    assert_string_equal(world_screen(), "[b] whole\n[a] half and half\n");
}

static void test_writers_are_to_signal_again_after_each_look(void **context) {
    (void)context;
    begin_with_patience();
    world_write(1, "half ");
    world.out[1].reserved = 1;
    world_send(EXIT_SIGNAL, 1, 1);
    assert_int_equal(world.out[1].reserved, 0);
    // init's word says something else.
    world.out[0].reserved = 2;
    world_send(EXIT_SIGNAL, 1, 1);
    assert_int_equal(world.out[0].reserved, 2);
}

static void test_contradictory_counters_write_nothing(void **context) {
    (void)context;
    begin(1);
    static const struct {
        uint64_t head, tail;
    } wrong[] = {{RING_BYTES + 1, 0}, {0, 1}, {UINT64_MAX, 0}, {0, UINT64_MAX - RING_BYTES}};
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        for (unsigned client = 1; client < 4; client += 2) {
            world.out[client].head = wrong[i].head;
            world.out[client].tail = wrong[i].tail;
        }
        world_send(EXIT_SIGNAL, 3, 1);
        assert_int_equal(world_send(EXIT_CALL, 3, CONSOLE_FLUSH), STATUS_OK);
        assert_int_equal(world.written, 0);
    }
    // Counters that wrap around are no contradiction.
    world.out[3].head = 2;
    world.out[3].tail = UINT64_MAX;
    world_send(EXIT_SIGNAL, 3, 1);
    assert_int_equal(world.written, 3);
}

static void test_stalled_uart_loses_and_mixes_nothing(void **context) {
    (void)context;
    for (unsigned fifo = 0; fifo < 2; fifo++) {
        for (unsigned room = 0; room < 40; room++) {
            begin(1);
            world.has_fifo = fifo;
            world_start();
            world.room = room;
            world_write(1, "a line of a server\n");
            world_send(EXIT_SIGNAL, 1, 1);
            world_write(3, "the guest's\n");
            world_write(2, "unfinished");
            uint64_t status = world_send(EXIT_CALL, 2, CONSOLE_FLUSH);
            assert_int_equal(status, STATUS_IO);
            assert_int_equal(world.enabled, world_enabled[1]); // it wants to be told
            // Nothing more is polled for than one look, until it is told.
            unsigned polls = world.polls;
            world_send(EXIT_SIGNAL, 3, 1);
            assert_true(world.polls <= polls + 1);
            world.room = WORLD_SCREEN - room;
            world_send(EXIT_IRQ, 0, 1);
            assert_int_equal(world.enabled, world_enabled[0]);
            assert_int_equal(world_send(EXIT_CALL, 2, CONSOLE_FLUSH), STATUS_OK);
            // What was begun is finished first.
            assert_string_equal(world_screen(), "a line of a server\nthe guest's\nunfinished\n");
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guest_bytes_pass_unchanged),
        cmocka_unit_test(test_full_ring_is_written),
        cmocka_unit_test(test_lines_of_before_the_start_are_written),
        cmocka_unit_test(test_hypervisor_line_ends_a_guests_line),
        cmocka_unit_test(test_carriage_return_behind_the_newline_begins_no_line),
        cmocka_unit_test(test_unfinished_hypervisor_line_is_held),
        cmocka_unit_test(test_endless_hypervisor_line_is_cut),
        cmocka_unit_test(test_flush_writes_an_unfinished_line),
        cmocka_unit_test(test_several_guests_lines_are_named),
        cmocka_unit_test(test_two_guests_lines_do_not_cut_each_other),
        cmocka_unit_test(test_waiting_guest_goes_on_when_the_line_before_ends),
        cmocka_unit_test(test_waiting_guest_is_heard_at_last),
        cmocka_unit_test(test_guests_line_is_waited_for),
        cmocka_unit_test(test_prompt_is_not_waited_for_for_ever),
        cmocka_unit_test(test_growing_line_is_cut_by_another_guest_that_has_waited),
        cmocka_unit_test(test_endless_line_silences_no_other_guest),
        cmocka_unit_test(test_servers_line_goes_before_a_guests_unfinished_one),
        cmocka_unit_test(test_line_behind_one_that_a_full_uart_stopped_is_waited_for),
        cmocka_unit_test(test_end_waits_for_nothing),
        cmocka_unit_test(test_flush_leaves_a_guests_unfinished_line_whole),
        cmocka_unit_test(test_writers_are_to_signal_again_after_each_look),
        cmocka_unit_test(test_contradictory_counters_write_nothing),
        cmocka_unit_test(test_stalled_uart_loses_and_mixes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
