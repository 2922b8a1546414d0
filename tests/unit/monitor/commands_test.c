// What each command shows, and that nothing that init's window may hold is believed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/cap.h"
#include "ipc/config.h"
#include "ipc/syscall.h"
#include "tests/unit/monitor/world.h"

static int begin(void **state) {
    (void)state;
    world_reset();
    return 0;
}

static const char *ask(const char *command) {
    world_request(command);
    world_request("\n");
    return world_answer();
}

static void expect_answer(const char *command, const char *answer) {
    assert_string_equal(ask(command), answer);
}

static void test_numbers_have_groups(void **state) {
    (void)state;
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {{0, "0"},
                 {999, "999"},
                 {1000, "1,000"},
                 {1234567, "1,234,567"},
                 {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(REPORT_GROUPED(cases[i].value), cases[i].text);
}

static void test_servers_are_a_table(void **state) {
    (void)state;
    struct monitor_server *server = &world.server[1];
    server->state = TASK_CALLING;
    server->restarts = 10000;
    server->replacements = 3;
    server->memory = 300u << 10;
    server->pause_restart = 163432;
    server->pause_replace = 8664;
    world.server[0].serves = 0;
    expect_answer(
        "ps",
        " NAME        STATE     RESTARTS  REPLACED  MEMORY KiB  RESTART PAUSE  REPLACE PAUSE\n"
        " console     starting         0         0           0              -              -\n"
        " sbi-server  calling     10,000         3         300        163,432          8,664\n"
        " monitor     waiting          0         0           0              -              -\n"
        " init        waiting          0         0           0              -              -\n"
        "ok\n");
}

static void test_guests_are_a_table(void **state) {
    (void)state;
    snprintf(world.vm[0].name, CONFIG_NAME, "vm0");
    world.vm[0] = (struct monitor_vm){
        .name = "vm0", .id = 7, .state = MONITOR_VM_RUNNING, .vcpus = 2, .memory = 16u << 20};
    world.vm[1] = (struct monitor_vm){.name = "b", .state = MONITOR_VM_FAILED};
    world.vcpu[1] =
        (struct monitor_vcpu){.number = 1, .state = VCPU_PARKED, .pc = 0x80200040, .exits = 4321};
    world.vcpu[2] = (struct monitor_vcpu){.vm = 99, .state = 99};
    const char *answer = ask("vm");
    assert_non_null(strstr(answer, " vm0                        7  running       2      16,384\n"));
    assert_non_null(strstr(answer, " b                          0  failed        0           0\n"));
    assert_non_null(strstr(
        answer, " vm0                         1  parked    0x0000000080200040           4,321\n"));
    assert_non_null(strstr(answer, " ?                           0  ?  "));
}

static void test_exits_are_added_up_by_class_and_server(void **state) {
    (void)state;
    memset(world.vm, 0xff, sizeof(world.vm)); // nobody serves anything; no name ends
    snprintf(world.vm[0].name, CONFIG_NAME, "vm0");
    world.vm[0].server[EXIT_HYPERCALL] = 1;
    world.vcpu[0].count[EXIT_HYPERCALL] = 1000;
    world.vcpu[1].count[EXIT_HYPERCALL] = 234;
    world.vcpu[2].vm = 7; // of no guest
    world.vcpu[2].count[EXIT_HYPERCALL] = 5;
    world.vcpu[0].traced_count[EXIT_HYPERCALL] = world.vcpu[1].traced_count[EXIT_HYPERCALL] = 5;
    world.vcpu[0].instructions[EXIT_HYPERCALL] = 1640;
    const char *answer = ask("exits");
    assert_non_null(strstr(answer, " vm0         HYPERCALL  sbi-server          1,234            10"
                                   "           1,640     164\n"));
    assert_null(strstr(answer, "STAGE2"));
    assert_non_null(strstr(answer, "not being counted"));
    world.vcpu[1].traced = 1;
    assert_null(strstr(ask("exits"), "not being counted"));
    assert_non_null(strstr(ask("exits on"), "counted from now on"));
    assert_int_equal(world.traced, 1);
    assert_non_null(strstr(ask("exits off"), "not counted any more"));
    assert_int_equal(world.traced, 0);
    expect_answer("exits maybe", "error: write: exits, exits on, or exits off\n");
}

static void test_capabilities_are_listed_with_rights(void **state) {
    (void)state;
    world_config()->count = 1000; // a lie: six fit
    world_config()->entry[0] = (struct config_entry){"init", CONFIG_CAP, 3, 0, 0, 0, 0, 0};
    world_config()->entry[1] = (struct config_entry){
        "ram-0", CONFIG_CAP, 5, 21, 0x1000000, 0x81000000, 0x80000000, RIGHT_R | RIGHT_W | RIGHT_X};
    world_config()->entry[2] =
        (struct config_entry){"uart", CONFIG_WINDOW, 0, 0x40002000, 4096, 0x10000000, 0, RIGHT_R};
    world_config()->entry[3] = (struct config_entry){"vcpu-0", CONFIG_CAP, 6, 0, 0, 0, 0, 0};
    world_config()->entry[4] = (struct config_entry){"death-pc", CONFIG_NUMBER, 0, 7, 0, 0, 0, 0};
    memset(world_config()->entry[5].name, 'x', CONFIG_NAME); // not terminated
    const char *answer = ask("caps sbi-server");
    assert_non_null(strstr(answer, " portal   init                        3  call  "));
    assert_non_null(strstr(answer, " frame    ram-0                       5  rwx                  -"
                                   "      16,777,216  0x0081000000\n"));
    assert_non_null(strstr(answer, " window   uart                        -  r--     0x000040002000"
                                   "           4,096  0x0010000000\n"));
    assert_non_null(strstr(answer, " vcpu     vcpu-0                      6  read  "));
    assert_null(strstr(answer, "death-pc"));
    assert_non_null(strstr(answer, " portal   xxxxxxxxxxxxxxxxxxxxxxx     0  call"));
    expect_answer("caps init", " init has all memory and all objects: it hands them out\nok\n");
    world.count_lie = 10;
    expect_answer("caps sbi-server", "error: its config is too short: init has written none\n");
}

static void test_a_log_is_shown_from_its_first_whole_line(void **state) {
    (void)state;
    expect_answer("log", " (nothing was said so far)\nok\n");
    world.log_size = (unsigned)snprintf(world.log, sizeof(world.log), "one\n\nok\n\033[31mtwo");
    expect_answer("log", " one\n \n ok\n ?[31mtwo\nok\n");
    memset(world.log, 'x', sizeof(world.log));
    memcpy(world.log + RING_BYTES - 10, "\nlast\nnow\n", 10);
    world.log_size = RING_BYTES;
    expect_answer("log sbi-server", " last\n now\nok\n");
    memset(world.log, 'x', sizeof(world.log)); // one line without an end, of which a part is gone
    expect_answer("log", "ok\n");
}

static void test_wrong_commands_are_told_what_is_right(void **state) {
    (void)state;
    expect_answer("fly", "error: there is no command `fly`: `help` names them all\n");
    expect_answer("caps", "error: write: caps NAME\n");
    expect_answer("ps now", "error: write: ps\n");
    expect_answer("kill a b c", "error: write: kill NAME [COUNT]\n");
    expect_answer("a b c d e f g", "error: there is no command `a`: `help` names them all\n");
    expect_answer("caps nobody", "error: there is no server `nobody`: name one of console, "
                                 "sbi-server, monitor, init\n");
    expect_answer("\t  echo   x ", " x\nok\n");
    expect_answer("echo \033\x80", " ??\nok\n");
    const char *answer = ask("help");
    assert_non_null(strstr(answer, " replace NAME [PATH]"));
}

static void test_what_init_refuses_is_said(void **state) {
    (void)state;
    world.look_status = STATUS_DENIED;
    static const char *const commands[] = {"ps", "vm", "exits", "caps console", "log", "kill a"};
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        assert_non_null(strstr(ask(commands[i]), "the capability, or the route, lacks the right"));
}

// More entries than there is room for, and than anybody has.
static void test_counts_are_not_believed(void **state) {
    (void)state;
    static const char *const commands[] = {"ps",          "vm",  "exits",      "caps console",
                                           "caps nobody", "log", "log monitor"};
    memset(world.server, 0xff, sizeof(world.server));
    memset(world.vm, 0xff, sizeof(world.vm));
    memset(world.vcpu, 0xff, sizeof(world.vcpu));
    memset(world.config, 0xff, sizeof(world.config));
    for (unsigned shift = 0; shift < 64; shift += 3) {
        world.count_lie = UINT64_MAX >> shift;
        for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
            const char *answer = ask(commands[i]);
            assert_true(strlen(answer) < REPORT_BYTES + REPORT_ERROR);
        }
    }
}

static void test_what_is_too_much_is_cut(void **state) {
    (void)state;
    static struct report report;
    report_begin(&report);
    for (unsigned i = 0; i < 5000; i++)
        report_line(&report, "line %u", i);
    assert_true(report.used <= REPORT_BYTES);
    static const char end[] = "\n (there is more than fits)\n";
    assert_memory_equal(report.text + report.used - strlen(end), end, strlen(end));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_numbers_have_groups, begin),
        cmocka_unit_test_setup(test_servers_are_a_table, begin),
        cmocka_unit_test_setup(test_guests_are_a_table, begin),
        cmocka_unit_test_setup(test_exits_are_added_up_by_class_and_server, begin),
        cmocka_unit_test_setup(test_capabilities_are_listed_with_rights, begin),
        cmocka_unit_test_setup(test_a_log_is_shown_from_its_first_whole_line, begin),
        cmocka_unit_test_setup(test_wrong_commands_are_told_what_is_right, begin),
        cmocka_unit_test_setup(test_what_init_refuses_is_said, begin),
        cmocka_unit_test_setup(test_counts_are_not_believed, begin),
        cmocka_unit_test_setup(test_what_is_too_much_is_cut, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
