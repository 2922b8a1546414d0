// What a guest reads of what a Multiboot loader left, and what it refuses.

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guest/lib/multiboot.h"

#define MEMORY_SIZE 32768
#define INFORMATION 0x1000
#define MAP 0x1100
#define LINE 0x1fe0
#define MODULES 0x4000
#define KERNEL 0x200000

static uint8_t memory[MEMORY_SIZE];
static unsigned map_size;

// Nothing outside of the memory is ever asked for.
static const void *show(struct phys at, uint64_t size) {
    assert_true(at.raw <= MEMORY_SIZE && size <= MEMORY_SIZE - at.raw);
    return memory + at.raw;
}

static void word(unsigned at, uint32_t value) { memcpy(memory + at, &value, sizeof(value)); }

static void entry(uint64_t base, uint64_t length, uint32_t type) {
    uint8_t *at = memory + MAP + map_size;
    const uint32_t size = 20;
    memcpy(at, &size, 4);
    memcpy(at + 4, &base, 8);
    memcpy(at + 12, &length, 8);
    memcpy(at + 20, &type, 4);
    map_size += 24;
    word(INFORMATION + 44, map_size);
}

static void module(unsigned index, uint32_t start, uint32_t end) {
    word(MODULES + index * 16, start);
    word(MODULES + index * 16 + 4, end);
}

static void line(const char *text) {
    memcpy(memory + LINE, text, strlen(text) + 1);
    word(INFORMATION + 16, LINE);
}

static void begin(uint32_t flags) {
    memset(memory, 0, sizeof(memory));
    map_size = 0;
    word(INFORMATION, flags);
    word(INFORMATION + 48, MAP);
}

static const char *parse(struct machine *machine) {
    return multiboot_read(machine, (struct phys){INFORMATION}, (struct phys){KERNEL}, show);
}

#define MEMORY_MAP (1 << 6)
#define COMMAND_LINE (1 << 2)
#define HAS_MODULES (1 << 3)

static void test_everything_a_guest_reads(void **state) {
    (void)state;
    struct machine machine;
    begin(MEMORY_MAP | COMMAND_LINE | HAS_MODULES);
    entry(0, 0x9fc00, 1);
    entry(0x9fc00, 0x400, 2);
    entry(0x100000, 0x1ee0000, 1);
    entry(0xfffc0000, 0x40000, 2);
    line("out/guest/gkernel.bin quiet fault,null-write"); // over the end of a page
    word(INFORMATION + 20, 2);
    word(INFORMATION + 24, MODULES);
    module(0, 0x300000, 0x340000);
    module(1, 0x400000, 0x400000);
    assert_null(parse(&machine));
    assert_int_equal(machine.memory.base, 0x100000);
    assert_int_equal(machine.memory.size, 0x1ee0000);
    assert_string_equal(machine.bootargs, "quiet fault,null-write");
    assert_int_equal(machine.cpus, 1);
    assert_null(machine.tree);
    assert_int_equal(machine.reserved_count, 2);
    assert_int_equal(machine.reserved[0].base, LINE);
    assert_int_equal(machine.reserved[0].size, strlen((char *)memory + LINE) + 1);
    assert_int_equal(machine.reserved[1].base, 0x300000);
    assert_int_equal(machine.reserved[1].size, 0x40000);
}

static void test_what_is_not_said_is_not_read(void **state) {
    (void)state;
    struct machine machine;
    begin(MEMORY_MAP);
    entry(0, 0x2000000, 1);
    line("name words");
    word(INFORMATION + 20, UINT32_MAX);
    assert_null(parse(&machine));
    assert_int_equal(machine.memory.base, 0);
    assert_string_equal(machine.bootargs, "");
    assert_int_equal(machine.reserved_count, 0);
}

static void test_a_line_of_one_word_has_no_arguments(void **state) {
    (void)state;
    struct machine machine;
    begin(MEMORY_MAP | COMMAND_LINE);
    entry(0, 0x2000000, 1);
    for (unsigned i = 0; i < 3; i++) {
        line(((const char *[]){"", "gkernel", "gkernel "})[i]);
        assert_null(parse(&machine));
        assert_string_equal(machine.bootargs, "");
    }
}

static void test_a_line_without_an_end_is_refused(void **state) {
    (void)state;
    struct machine machine;
    begin(MEMORY_MAP | COMMAND_LINE);
    entry(0, 0x2000000, 1);
    word(INFORMATION + 16, LINE);
    memset(memory + LINE, 'x', MEMORY_SIZE - LINE);
    assert_string_equal(parse(&machine), "the command line has no end");
}

static void test_memory_in_parts_that_touch_is_one(void **state) {
    (void)state;
    struct machine machine;
    begin(MEMORY_MAP);
    entry(0, 0x100000, 1);        // ends before the kernel's
    entry(0x200000, 0x600000, 1); // has the kernel
    entry(0x800000, 0x400000, 1);
    entry(0xc00000, 0x100000, 1);
    entry(0xd00000, 0x100000, 2); // not memory
    entry(0xd00000, 0x100000, 1);
    entry(0xf00000, 0x100000, 1); // touches nothing
    assert_null(parse(&machine));
    assert_int_equal(machine.memory.base, 0x200000);
    assert_int_equal(machine.memory.size, 0xc00000);
}

static void expect_no_memory(const char *why) {
    struct machine machine;
    assert_string_equal(parse(&machine), why);
}

static void test_memory_that_is_not_there_is_refused(void **state) {
    (void)state;
    begin(0);
    expect_no_memory("there is no memory map");
    begin(MEMORY_MAP);
    expect_no_memory("the kernel is in no memory of the memory map");
    entry(0, KERNEL, 1);
    entry(KERNEL, 0x100000, 2);
    entry(KERNEL, UINT64_MAX, 1); // goes round
    expect_no_memory("the kernel is in no memory of the memory map");
    begin(MEMORY_MAP);
    word(INFORMATION + 44, UINT32_MAX);
    expect_no_memory("there is no memory map");
}

static void test_damaged_entries_are_refused(void **state) {
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        begin(MEMORY_MAP);
        entry(0, 0x1000, 1);
        entry(KERNEL, 0x100000, 1);
        word(MAP, ((const uint32_t[]){0, 19, UINT32_MAX})[i]);
        expect_no_memory("the memory map is damaged");
    }
    // One that is longer than is known is not damaged; what ends within the map is not there.
    begin(MEMORY_MAP);
    entry(0, 0x1000, 1);
    entry(KERNEL, 0x100000, 1);
    word(MAP, 4096);
    expect_no_memory("the kernel is in no memory of the memory map");
}

static void test_too_many_modules_are_refused(void **state) {
    (void)state;
    struct machine machine;
    begin(MEMORY_MAP | COMMAND_LINE | HAS_MODULES);
    entry(0, 0x2000000, 1);
    line("gkernel");
    word(INFORMATION + 24, MODULES);
    for (unsigned i = 0; i < MACHINE_RESERVED_MAX; i++)
        module(i, 0x300000 + i * 0x1000, 0x301000 + i * 0x1000);
    word(INFORMATION + 20, MACHINE_RESERVED_MAX - 1);
    assert_null(parse(&machine));
    word(INFORMATION + 20, MACHINE_RESERVED_MAX); // the line is reserved, too
    assert_string_equal(parse(&machine), "too much memory is reserved");
    word(INFORMATION + 20, UINT32_MAX);
    assert_string_equal(parse(&machine), "there are too many modules");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_a_guest_reads),
        cmocka_unit_test(test_what_is_not_said_is_not_read),
        cmocka_unit_test(test_a_line_of_one_word_has_no_arguments),
        cmocka_unit_test(test_a_line_without_an_end_is_refused),
        cmocka_unit_test(test_memory_in_parts_that_touch_is_one),
        cmocka_unit_test(test_memory_that_is_not_there_is_refused),
        cmocka_unit_test(test_damaged_entries_are_refused),
        cmocka_unit_test(test_too_many_modules_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
