// Which files can be a server's: each way in which one can't, and what is made of one that can.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/fault.h"
#include "libs/elf/elf.h"
#include "tests/unit/init/world.h"

static struct file_plan plan;
static _Alignas(8) uint8_t bytes[FILE_BYTES];
static uint64_t writable;

static int setup(void **state) {
    plan = file_plan();
    return world_setup(state);
}

static const char *check_size(uint64_t size) {
    file_make(&plan, bytes);
    const struct file file = {.name = "made", .content = bytes, .size = size};
    writable = 77;
    return body_check(&file, &writable);
}

static void expect_refused(const char *why) {
    const char *got = check_size(FILE_BYTES);
    assert_non_null(got);
    assert_non_null(strstr(got, why));
    plan = file_plan();
}

static void test_good_one(void **state) {
    (void)state;
    assert_null(check_size(FILE_BYTES));
    assert_int_equal(writable, 0x2000 + 0x1000); // 0x12010 + 0x1100 is over a page's end
    plan.count = 1;                              // code alone
    assert_null(check_size(FILE_BYTES));
    assert_int_equal(writable, 0);
}

static void test_segment_that_cannot_be_read(void **state) {
    (void)state;
    plan.segment[1].flags = 0;
    expect_refused("can't be read");
    plan.segment[1].flags = ELF_WRITE;
    expect_refused("can't be read");
    plan.segment[0].flags = ELF_EXECUTE;
    expect_refused("can't be read");
}

static void test_writable_and_executable(void **state) {
    (void)state;
    plan.segment[1].flags |= ELF_EXECUTE;
    expect_refused("writable and executable");
}

static void test_two_in_one_page(void **state) {
    (void)state;
    plan.segment[1].address = FILE_TEXT + FILE_BYTES;
    expect_refused("share a page");
    plan.segment[1].memory_size = 0x1ff1; // its last byte is the first of 0x14000
    plan.segment[2].address = 0x14010;
    expect_refused("share a page");
    plan.segment[1].memory_size = 0x1ff0;
    plan.segment[2].address = 0x14000;
    assert_null(check_size(FILE_BYTES));
}

static void test_out_of_range(void **state) {
    (void)state;
    plan.segment[0].address = plan.entry = 0xf000;
    expect_refused("linked for addresses");
    plan.segment[2].address = 0x200000;
    expect_refused("linked for addresses");
    plan.segment[2].address = 0x1ff000;
    plan.segment[2].memory_size = 0x1001;
    expect_refused("linked for addresses");
    plan.segment[2].address = UINT64_MAX - 0x1000;
    expect_refused("linked for addresses");
    plan.segment[2].address = 0x1ff000; // up to the very end
    assert_null(check_size(FILE_BYTES));
}

static void test_other_place_in_the_file_than_in_its_page(void **state) {
    (void)state;
    plan.segment[0].address += 8;
    expect_refused("where it begins in its page");
    plan.segment[1].address += 8; // which is copied
    assert_null(check_size(FILE_BYTES));
}

static void test_zeros_behind_what_is_not_writable(void **state) {
    (void)state;
    plan.segment[0].memory_size++;
    expect_refused("zeros behind it");
}

static void test_other_machine(void **state) {
    (void)state;
    plan.machine = ELF_MACHINE_X86_64;
    expect_refused("another architecture");
}

static void test_cut_short(void **state) {
    (void)state;
    for (uint64_t size = 0; size < FILE_BYTES; size++) {
        assert_non_null(check_size(size));
    }
}

static void *buffer(void) { return memory_see(init.buffer.physical); }

static uint64_t replace_by(uint64_t size) {
    file_make(&plan, buffer());
    plan = file_plan();
    return world_call(world_task(WORLD_MONITOR), INIT_REPLACE, WORLD_WORKER, size);
}

// What is sent is refused for the same reasons, and nothing has happened.
static void test_replacement_by_a_wrong_file(void **state) {
    (void)state;
    plan.segment[1].flags = 0;
    assert_int_equal(replace_by(FILE_BYTES), STATUS_INVALID);
    assert_non_null(core_find_line("server worker: not replaced: a segment can't be read"));
    plan.segment[2].memory_size = init.spare->image.size; // and two pages more
    assert_int_equal(replace_by(FILE_BYTES), STATUS_INVALID);
    assert_non_null(core_find_line("larger than init has room for"));
    plan.segment[2].memory_size = init.spare->image.size - 0x2000 + 1;
    assert_int_equal(replace_by(FILE_BYTES), STATUS_INVALID);
    assert_int_equal(replace_by(init.buffer.size + 1), STATUS_RANGE);
    assert_int_equal(replace_by(FILE_BYTES - 1), STATUS_INVALID);
    assert_null(world_spare_task());
    assert_int_equal(init.spare_file.size, init.buffer.size); // it stays, for the next one
    plan.segment[2].memory_size = init.spare->image.size - 0x2000;
    assert_int_equal(replace_by(FILE_BYTES), STATUS_OK);
    assert_non_null(world_spare_task());
}

static const struct core_map *map_at(const struct core_task *task, uint64_t address) {
    for (const struct core_map *map = core_maps[task->space]; map->size; map++) {
        if (map->address == address) {
            return map;
        }
    }
    return NULL;
}

// What can't change comes from the file itself, what can is a copy that no other body has.
static void test_what_is_mapped(void **state) {
    (void)state;
    struct server *server = &init.server[WORLD_WORKER];
    const struct core_task *task = world_task(WORLD_WORKER);
    const struct core_map *text = map_at(task, FILE_TEXT);
    const struct core_map *data = map_at(task, FILE_DATA);
    const struct core_map *stack = map_at(task, FILE_STACK);
    assert_int_equal(text->frame, INIT_SLOT_BUNDLE);
    assert_int_equal(text->offset, server->file.offset);
    assert_int_equal(text->rights, RIGHT_R | RIGHT_X);
    assert_int_equal(text->size, 0x1000);
    assert_int_equal(data->frame, INIT_SLOT_HIGH);
    assert_int_equal(data->offset + init.high, server->body->image.physical);
    assert_int_equal(data->size, 0x2000);
    assert_int_equal(data->rights, RIGHT_R | RIGHT_W);
    assert_int_equal(stack->offset, data->offset + 0x2000);
    uint8_t *image = memory_see(server->body->image.physical);
    assert_int_equal(image[0xf], 0);
    assert_int_equal(image[0x10], 0x5a);
    assert_int_equal(image[0x2f], 0x5a);
    assert_int_equal(image[0x30], 0);
    memset(image, 0xee, 0x3000);
    world_fault(WORLD_WORKER); // a new one has none of what the old one wrote
    assert_int_equal(image[0xf], 0);
    assert_int_equal(image[0x10], 0x5a);
    assert_int_equal(image[0x1fff], 0);
    assert_int_equal(image[0x2fff], 0);
}

static void test_stack_guard(void **state) {
    (void)state;
    file_make(&plan, bytes);
    struct file file = {.name = "made", .content = bytes, .size = FILE_BYTES};
    assert_true(body_stack_guard(&file, FILE_STACK - 1));
    assert_true(body_stack_guard(&file, FILE_STACK - 4096));
    assert_false(body_stack_guard(&file, FILE_STACK - 4097));
    assert_false(body_stack_guard(&file, FILE_STACK));
    plan.segment[2].flags = ELF_READ;
    file_make(&plan, bytes);
    assert_false(body_stack_guard(&file, FILE_STACK - 1)); // no stack
    file.size = 10;
    assert_false(body_stack_guard(&file, FILE_STACK - 1)); // no file
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_good_one),
        TEST(test_segment_that_cannot_be_read),
        TEST(test_writable_and_executable),
        TEST(test_two_in_one_page),
        TEST(test_out_of_range),
        TEST(test_other_place_in_the_file_than_in_its_page),
        TEST(test_zeros_behind_what_is_not_writable),
        TEST(test_other_machine),
        TEST(test_cut_short),
        TEST(test_replacement_by_a_wrong_file),
        TEST(test_what_is_mapped),
        TEST(test_stack_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
