// Killing and replacing: who waits gets the answer when it is decided, from whichever monitor is
// there then.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "libs/state/state.h"
#include "tests/unit/monitor/world.h"

#define SBI 1
#define MONITOR 2

static int begin(void **state) {
    (void)state;
    world_reset();
    return 0;
}

static void expect_answer(const char *text) { assert_string_equal(world_answer(), text); }

static void set_outcome(enum monitor_outcome outcome, unsigned server, enum status status,
                        uint64_t pause) {
    world.outcome = (struct rt_words){.word = {STATUS_OK, outcome, server, status, pause}};
}

static void test_a_kill_is_answered_when_it_serves_again(void **state) {
    (void)state;
    world.slow = true;
    world_request("kill sbi-server\necho next\n");
    assert_int_equal(world.kills[SBI], 1);
    expect_answer("");
    world_send(EXIT_SIGNAL, 0); // something else
    assert_int_equal(world.kills[SBI], 1);
    expect_answer("");
    world_serve(SBI);
    expect_answer(" sbi-server: killed, serves again\nok\n next\nok\n");
    assert_int_equal(world.kills[SBI], 1);
}

static void test_many_kills_wait_for_each_other(void **state) {
    (void)state;
    world.slow = true;
    world_request("kill sbi-server 1234\n");
    for (unsigned i = 1; i <= 1234; i++) {
        expect_answer("");
        assert_int_equal(world.kills[SBI], i);
        world_serve(SBI);
    }
    expect_answer(" sbi-server: killed 1,234 times, serves again\nok\n");
    assert_int_equal(world.kills[SBI], 1234);
}

// One that is just being started is waited for, so that it does not count as one that can't begin.
static void test_who_is_being_started_is_not_killed(void **state) {
    (void)state;
    world.server[SBI].serves = 0;
    world_request("kill sbi-server\n");
    assert_int_equal(world.kills[SBI], 0);
    world_serve(SBI);
    assert_int_equal(world.kills[SBI], 1);
    world_serve(SBI);
    expect_answer(" sbi-server: killed, serves again\nok\n");
}

static void test_counts_that_are_none(void **state) {
    (void)state;
    static const char *const requests[] = {"kill console 0\n", "kill console -1\n",
                                           "kill console x\n", "kill console 1000001\n",
                                           "kill console 99999999999999999999999\n"};
    for (unsigned i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        world_request(requests[i]);
        assert_non_null(strstr(world_answer(), "is no count: write one from 1 to 1000000"));
    }
    world_request("kill init\nreplace init\n");
    expect_answer("error: init can be neither killed nor replaced: it restarts all others\n"
                  "error: init can be neither killed nor replaced: it restarts all others\n");
    assert_int_equal(world.kills[0], 0);
}

// Its successor answers; it gets the record once more, so this must not go on.
static void test_the_monitor_kills_itself_once(void **state) {
    (void)state;
    world.slow = true;
    world_request("kill monitor\n");
    assert_int_equal(world.kills[MONITOR], 1);
    world.server[MONITOR].serves = 1;
    world_restart();
    world_send(EXIT_IRQ, 1);
    expect_answer(" monitor: killed, serves again\nok\n");
    world.sent_size += (unsigned)(stpcpy((char *)world.sent + world.sent_size, "kill monitor\n") -
                                  ((char *)world.sent + world.sent_size));
    world_send(EXIT_IRQ, 1);
    expect_answer("error: monitor kills itself once at a time: try again\n");
    world_request("kill monitor 2\n");
    expect_answer("error: monitor kills itself once at a time: try again\n");
    assert_int_equal(world.kills[MONITOR], 1);
}

static void test_replacing_by_what_it_was_started_from(void **state) {
    (void)state;
    set_outcome(MONITOR_PREPARING, SBI, STATUS_OK, 0);
    world_request("replace sbi-server\n");
    assert_int_equal(world.replaced, SBI);
    assert_int_equal(world.replaced_bytes, 0);
    set_outcome(MONITOR_SWITCHING, SBI, STATUS_OK, 0);
    world_send(EXIT_SIGNAL, 0);
    expect_answer("");
    set_outcome(MONITOR_REPLACED, SBI, STATUS_OK, 0);
    world_send(EXIT_SIGNAL, 0);
    expect_answer(" sbi-server: replaced\nok\n");
}

static void test_replacing_by_a_file_of_the_disk(void **state) {
    (void)state;
    set_outcome(MONITOR_REPLACED, SBI, STATUS_OK, 8123);
    world.file_bytes = 4321;
    world_request("replace sbi-server /server\n");
    world_send(EXIT_SIGNAL, 0);
    expect_answer(" sbi-server: replaced, guests paused 8,123 instructions\nok\n");
    assert_int_equal(world.replaced_bytes, 4321);
    world_request("replace sbi-server /nothing\n");
    expect_answer("error: /nothing is not on the disk: put it there, or send it by the control "
                  "line\n");
    world.file_bytes = 0;
    world_request("replace sbi-server /server\n");
    expect_answer("error: /server is empty: it must be an ELF file\n");
    world.read_status = STATUS_RANGE;
    world.file_bytes = 1u << 20;
    world_request("replace sbi-server /server\n");
    expect_answer("error: /server has 1,048,576 bytes, at most 65,536 fit: strip it\n");
    world.read_status = STATUS_IO;
    world_request("replace sbi-server /server\n");
    assert_non_null(strstr(world_answer(), "can't be read (`log fs-loader` says more)"));
    world.monitor.loader = 0;
    world_request("replace sbi-server /server\n");
    assert_non_null(strstr(world_answer(), "the manifest gives it no fs-loader"));
}

static void test_replacements_that_fail(void **state) {
    (void)state;
    static const struct {
        enum monitor_outcome outcome;
        unsigned server;
        const char *answer;
    } cases[] = {
        {MONITOR_REFUSED, SBI,
         "error: sbi-server: the new one can't go on from the old one's state (well formed, but of "
         "a kind that is not handled here): the old one serves\n"},
        {MONITOR_FAILED, SBI,
         "error: sbi-server: the new one died before it served: the old one serves\n"},
        {MONITOR_NONE, SBI, "error: sbi-server: init knows of no replacement: try again\n"},
        {MONITOR_REPLACED, 0, "error: sbi-server: init knows of no replacement: try again\n"},
        {MONITOR_REPLACED, 4000, "error: sbi-server: init knows of no replacement: try again\n"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_outcome(cases[i].outcome, cases[i].server, STATUS_UNSUPPORTED, 0);
        world_request("replace sbi-server\n");
        world_send(EXIT_SIGNAL, 0);
        expect_answer(cases[i].answer);
    }
    world.replace_status = STATUS_INVALID;
    world_request("replace sbi-server\n");
    expect_answer("error: init does not take the file (`log` says why): the old one serves\n");
    world.replace_status = STATUS_BUSY;
    world_request("replace sbi-server\n");
    expect_answer("error: init does not replace it: the object is still used by another\n");
}

static void test_one_at_a_time(void **state) {
    (void)state;
    set_outcome(MONITOR_PREPARING, SBI, STATUS_OK, 0);
    world_open();
    world_type("replace sbi-server\r");
    world_request("kill console\nreplace console\nps\n");
    const char *answer = world_answer();
    assert_non_null(strstr(answer, "error: a server is still being killed or replaced"));
    assert_non_null(strstr(answer, " NAME"));
    assert_int_equal(world.kills[0], 0);
    // Who waits at the console types on; it is read when the answer is there.
    (void)world_screen();
    world_type("echo later\r");
    assert_string_equal(world_screen(), "");
    set_outcome(MONITOR_REPLACED, SBI, STATUS_OK, 7);
    world_send(EXIT_SIGNAL, 0);
    assert_string_equal(world_screen(), " sbi-server: replaced, guests paused 7 instructions\n"
                                        "\r\033[Kexeunt> echo later\n later\n\r\033[Kexeunt> ");
}

static void test_a_successor_gives_the_answer(void **state) {
    (void)state;
    set_outcome(MONITOR_PREPARING, MONITOR, STATUS_OK, 0);
    world_request("replace monitor\n");
    set_outcome(MONITOR_REPLACED, MONITOR, STATUS_OK, 0);
    world_restart();
    world_send(EXIT_SIGNAL, 0);
    expect_answer(" monitor: replaced\nok\n");
    // In the middle of many kills.
    world.slow = true;
    world_request("kill sbi-server 3\n");
    world_serve(SBI);
    world_restart();
    world_serve(SBI);
    world_restart();
    world_serve(SBI);
    expect_answer(" sbi-server: killed 3 times, serves again\nok\n");
    assert_int_equal(world.kills[SBI], 3);
}

static void test_newer_state_is_refused_and_damaged_begun_anew(void **state) {
    (void)state;
    struct state_header *header = (struct state_header *)world.region;
    header->version++;
    struct monitor *monitor = &world.monitor;
    assert_int_equal(monitor_adopt(monitor, world.region, sizeof(world.region)),
                     STATUS_UNSUPPORTED);
    assert_int_equal(monitor_adopt(monitor, world.region, 64), STATUS_NO_MEMORY);
    header->version--;
    for (unsigned i = 0; i < sizeof(struct monitor_state) / 8; i++) {
        memset((uint8_t *)world.region + STATE_SLOTS_AT, 0, 2 * sizeof(struct monitor_state));
        world.region[STATE_SLOTS_AT / 8 + i] = world.region[STATE_SLOTS_AT / 8 + i + 8] = 1u << 20;
        assert_int_equal(monitor_adopt(monitor, world.region, sizeof(world.region)), STATUS_OK);
        const struct monitor_state *now = monitor_state(monitor);
        assert_true(now->open <= 1 && now->job <= MONITOR_KILLING && now->server < 32);
    }
    memset(world.region, 0x5a, sizeof(world.region));
    assert_int_equal(monitor_adopt(monitor, world.region, sizeof(world.region)), STATUS_OK);
    assert_int_equal(monitor_state(monitor)->job, MONITOR_IDLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_kill_is_answered_when_it_serves_again, begin),
        cmocka_unit_test_setup(test_many_kills_wait_for_each_other, begin),
        cmocka_unit_test_setup(test_who_is_being_started_is_not_killed, begin),
        cmocka_unit_test_setup(test_counts_that_are_none, begin),
        cmocka_unit_test_setup(test_the_monitor_kills_itself_once, begin),
        cmocka_unit_test_setup(test_replacing_by_what_it_was_started_from, begin),
        cmocka_unit_test_setup(test_replacing_by_a_file_of_the_disk, begin),
        cmocka_unit_test_setup(test_replacements_that_fail, begin),
        cmocka_unit_test_setup(test_one_at_a_time, begin),
        cmocka_unit_test_setup(test_a_successor_gives_the_answer, begin),
        cmocka_unit_test_setup(test_newer_state_is_refused_and_damaged_begun_anew, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
