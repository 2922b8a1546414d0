// The line that says how a server died: all of it, whatever the names are.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/fault.h"
#include "ipc/state.h"
#include "tests/unit/init/world.h"

static struct server *worker(void) { return &init.server[WORLD_WORKER]; }

static const char *last_line(void) { return core_line[(core_lines - 1) % CORE_LINES]; }

// What the worker is said to have died of; the record that it serves is in the fault's words.
static const char *report(const uint64_t *word) {
    struct message message = {.info = MESSAGE_INFO(EXIT_FAULT, 0, 0)};
    memcpy(message.word, word, sizeof(message.word));
    report_fault(worker(), &worker()->file, "then", &message);
    return last_line();
}

static const uint64_t exit_of_a[MESSAGE_WORDS] = {
    [FAULT_WORD_CAUSE] = FAULT_MEMORY, [FAULT_WORD_PC] = FILE_TEXT + 0x48,
    [FAULT_WORD_ADDRESS] = 0xdead0,    [FAULT_WORD_INFO] = MESSAGE_INFO(EXIT_STAGE2, 0, 1),
    [FAULT_WORD_SEQ] = 1234,           [FAULT_WORD_BADGE] = WORLD_VM_A,
};

static void test_all_of_it(void **state) {
    (void)state;
    assert_string_equal(report(exit_of_a),
                        "server worker died: it touched memory that it does not have, at "
                        "worker_serve+0x8, pc 0x10048, address 0xdead0, serving STAGE2 number "
                        "1234 of VM a; then");
}

static void test_what_there_is_not(void **state) {
    (void)state;
    uint64_t word[MESSAGE_WORDS];
    memcpy(word, exit_of_a, sizeof(word));
    word[FAULT_WORD_INFO] = UINT64_MAX;
    word[FAULT_WORD_PC] = FILE_DATA; // no code
    word[FAULT_WORD_CAUSE] = FAULT_HANG;
    assert_string_equal(report(word), "server worker died: it did not come back in time, at pc "
                                      "0x12000, address 0xdead0, serving nothing; then");
    word[FAULT_WORD_INFO] = MESSAGE_INFO(EXIT_CALL, 0, 0);
    assert_non_null(strstr(report(word), "serving CALL number 1234; then")); // 7 is no VM here
    word[FAULT_WORD_INFO] = MESSAGE_INFO(EXIT_TIMER, 0, 0);
    word[FAULT_WORD_BADGE] = 8;
    assert_non_null(strstr(report(word), "serving TIMER number 1234; then"));
    word[FAULT_WORD_INFO] = 0x7f;
    word[FAULT_WORD_CAUSE] = UINT64_MAX;
    assert_non_null(strstr(report(word), "it ?, at"));
    assert_non_null(strstr(report(word), "serving ? number 1234; then"));
}

static void test_each_cause(void **state) {
    (void)state;
    uint64_t word[MESSAGE_WORDS];
    memcpy(word, exit_of_a, sizeof(word));
    const char *const causes[] = {
        [FAULT_MEMORY] = "touched memory",  [FAULT_INSTRUCTION] = "illegal or privileged",
        [FAULT_BREAKPOINT] = "breakpoint",  [FAULT_HANG] = "did not come back",
        [FAULT_EXIT] = "asked to end",      [FAULT_STOPPED] = "was killed",
        [FAULT_OTHER] = "unexpected cause",
    };
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        word[FAULT_WORD_CAUSE] = i;
        assert_non_null(strstr(report(word), causes[i]));
        word[FAULT_WORD_ADDRESS] = FILE_STACK - 8;
        assert_int_equal(strstr(report(word), "ran over the end of its stack") != NULL,
                         i == FAULT_MEMORY);
        word[FAULT_WORD_ADDRESS] = FILE_STACK + 8;
    }
}

// The longest names that a manifest and a file can have, the largest numbers, and what init says
// at most of what it does: nothing is cut, least of all the decision at the end.
static void test_the_longest_is_not_cut(void **state) {
    (void)state;
    char *name = init.manifest.server[WORLD_WORKER].name;
    struct file_plan plan = world_plan(WORLD_VERSION);
    plan.symbol = "a_function_whose_name_is_longer_than_all_that_is_shown_of_it";
    uint8_t *file = memory_see(init.buffer.physical);
    file_make(&plan, file);
    worker()->file.content = file;
    memset(name, 'w', MANIFEST_NAME - 1);
    memset(init.manifest.vm[0].name, 'v', MANIFEST_NAME - 1);
    worker()->early_deaths = 2;
    worker()->taken = false;
    uint64_t fault[MESSAGE_WORDS] = {
        FAULT_INSTRUCTION,
        UINT64_MAX,
        FILE_TEXT + FILE_BYTES - 1,
        UINT64_MAX,
        MESSAGE_INFO(EXIT_HYPERCALL, 255, 1),
        UINT64_MAX,
        1,
        WORLD_VM_A,
    };
    struct message message = {.info = MESSAGE_INFO(EXIT_FAULT, 0, 0), .badge = WORLD_WORKER};
    memcpy(message.word, fault, sizeof(fault));
    struct reply reply = {0};
    init_handle(NULL, &message, &reply);
    const char *line = core_find_line("died: it");
    assert_non_null(line);
    assert_non_null(strstr(line, name));
    assert_non_null(strstr(line, init.manifest.vm[0].name));
    assert_non_null(strstr(line, "+0xbbf, pc 0x10bff, address 0xffffffffffffffff, "));
    assert_non_null(strstr(line, "number 18446744073709551615 of VM v"));
    const char *end = strstr(line, "it is not started again");
    assert_non_null(end);
    assert_string_equal(end, "it is not started again");
}

// Anybody can have made the file: its names are shown so that they can't be taken for other lines.
static void test_names_are_printable(void **state) {
    (void)state;
    struct file_plan plan = world_plan(WORLD_VERSION);
    plan.symbol = "a\nb\033[2Jc d\177\200";
    uint8_t *file = memory_see(init.buffer.physical);
    file_make(&plan, file);
    worker()->file.content = file;
    assert_non_null(strstr(report(exit_of_a), "at a?b?[2Jc?d??+0x8, pc"));
}

// A name says what was at the pc in the version that has died, not in the one that comes next.
static void test_the_names_are_those_of_the_version_that_died(void **state) {
    (void)state;
    struct file_plan plan = world_plan(WORLD_VERSION + 1);
    plan.symbol = "other_serve";
    file_make(&plan, memory_see(init.buffer.physical));
    struct state_header *header = memory_see(worker()->state.physical);
    struct core_task *monitor = world_task(WORLD_MONITOR);
    assert_int_equal(world_call(monitor, INIT_REPLACE, WORLD_WORKER, FILE_BYTES), STATUS_OK);
    world_ready(world_spare_task(), WORLD_VERSION + 1);
    assert_true(world_spare_task()->serves); // init's signal
    *header = (struct state_header){.magic = STATE_MAGIC, .version = WORLD_VERSION + 1};
    world_fault(WORLD_WORKER); // the old one, when the state is the new one's already
    const char *line = core_find_line("its new version goes on");
    assert_non_null(line);
    assert_non_null(strstr(line, "at worker_serve+0x20,")); // where it would have gone on
    assert_int_equal(world_version(world_task(WORLD_WORKER)->entry), WORLD_VERSION + 1);
    world_begin(WORLD_WORKER);
    world_fault(WORLD_WORKER);
    assert_non_null(strstr(core_find_line("restarting it"), "at other_serve+0x8,"));
}

// --- why a VM was stopped

static void expect_vm(const uint64_t *word, const char *first, const char *second) {
    struct message message = {0};
    memcpy(message.word, word, sizeof(message.word));
    report_vm(&init.vm[0], &message);
    assert_non_null(core_find_line(first));
    assert_non_null(core_find_line(second));
    core_lines = 0;
}

static void test_reports_of_vms(void **state) {
    (void)state;
    uint64_t word[MESSAGE_WORDS] = {INIT_VM_REPORT, WORLD_VM_A, REPORT_UNMAPPED, 0x3000,
                                    ACCESS_WRITE,   0x80200010, 0x1000,          0x1000};
    expect_vm(word, "VM a: write at guest address 0x3000 refused, pc 0x80200010",
              "the nearest mapping is 0x1000..0x2000, 0x1000 bytes below");
    word[3] = 0x800;
    word[4] = ACCESS_READ | ACCESS_WALK;
    expect_vm(word, "VM a: page-table walk at guest address 0x800",
              "0x1000..0x2000, 0x800 bytes above");
    word[2] = REPORT_DENIED;
    word[3] = 0x1008;
    expect_vm(word, "it lies in 0x1000..0x2000, which is mapped without that right",
              "grants more by its `rights`");
    word[2] = REPORT_UNMAPPED;
    word[7] = 0;
    expect_vm(word, "nothing at all is mapped", "to allow it, add memory");
    word[2] = REPORT_INSTRUCTION;
    expect_vm(word, "the instruction at pc 0x80200010", "register at 0x1008, can't be decoded");
    word[2] = REPORT_NO_MEMORY;
    word[4] = STATUS_NO_MEMORY;
    expect_vm(word, "guest address 0x1008 can't be mapped",
              "set aside for this purpose is used up");
    word[2] = REPORT_CPU;
    expect_vm(word, "its CPU can't go on at pc 0x80200010: cause 4104", "look at the guest's trap");
    word[2] = 99;
    expect_vm(word, "VM a: stopped by a server for reason 99", "pc 0x80200010");
}

#define TEST(name) cmocka_unit_test_setup(name, world_setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_all_of_it),           TEST(test_what_there_is_not),
        TEST(test_each_cause),          TEST(test_the_longest_is_not_cut),
        TEST(test_names_are_printable), TEST(test_the_names_are_those_of_the_version_that_died),
        TEST(test_reports_of_vms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
