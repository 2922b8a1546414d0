// FS_READ: a file's path goes in, its content comes out, in one window.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fsloader/world.h"

#define BUFFER 16384

static uint8_t buffer[BUFFER];

static struct reply send(enum exit_class class, uint64_t word) {
    struct message record = {.word = {word}, .info = MESSAGE_INFO(class, 0, 0), .seq = 1};
    struct reply reply = {0};
    loader_handle(&world.loader, &record, &reply);
    assert_int_equal(reply.flags, 0);
    return reply;
}

static struct reply read_path(const char *path) {
    world.loader.buffer = (struct loader_memory){buffer, sizeof(buffer), 0};
    memset(buffer, 0x5a, sizeof(buffer));
    snprintf((char *)buffer, sizeof(buffer), "%s", path);
    return send(EXIT_CALL, FS_READ);
}

static void expect(const char *path, uint32_t seed, size_t size) {
    struct reply reply = read_path(path);
    assert_int_equal(reply.word[0], STATUS_OK);
    assert_int_equal(reply.word[1], size);
    uint8_t *expected = disk_content(seed, size);
    assert_memory_equal(buffer, expected, size);
    free(expected);
}

static void test_content_replaces_the_path(void **context) {
    (void)context;
    expect("/lib/server.elf", 1, 10000);
    expect("/full", 2, BUFFER);
    expect("/LIB/SERVER.ELF", 1, 10000);
    struct reply reply = read_path("/empty");
    assert_int_equal(reply.word[0], STATUS_OK);
    assert_int_equal(reply.word[1], 0);
    assert_int_equal(world.lines, 0);
}

static void test_too_large_file_is_not_read_but_measured(void **context) {
    (void)context;
    struct reply reply = read_path("/large");
    assert_int_equal(reply.word[0], STATUS_RANGE);
    assert_int_equal(reply.word[1], BUFFER + 1);
    assert_string_equal((char *)buffer, "/large");
}

static void test_failures_are_said_and_logged(void **context) {
    (void)context;
    struct reply reply = read_path("/none");
    assert_int_equal(reply.word[0], STATUS_NOT_FOUND);
    assert_int_equal(reply.word[1], 0);
    assert_string_equal(world.line[0], "fs-loader: /none: there is no none in /");
    assert_int_equal(read_path("").word[0], STATUS_INVALID);
    memset(buffer, 'x', sizeof(buffer));
    assert_int_equal(send(EXIT_CALL, FS_READ).word[0], STATUS_INVALID);
    loader_refuse(&world.loader, STATUS_IO, "it fell off the table");
    assert_int_equal(read_path("/full").word[0], STATUS_IO);
    assert_string_equal(world.line[2], "fs-loader: /full: disk: it fell off the table");
}

static void test_without_a_buffer_nothing_is_read(void **context) {
    (void)context;
    assert_int_equal(send(EXIT_CALL, FS_READ).word[0], STATUS_UNSUPPORTED);
    // Not even room for a path.
    world.loader.buffer = (struct loader_memory){buffer, FS_PATH - 1, 0};
    assert_int_equal(send(EXIT_CALL, FS_READ).word[0], STATUS_UNSUPPORTED);
}

static void test_other_records_do_nothing(void **context) {
    (void)context;
    read_path("/full");
    world.disk.reads = 0;
    assert_int_equal(send(EXIT_CALL, FS_READ + 1).word[0], STATUS_UNSUPPORTED);
    assert_int_equal(send(EXIT_CALL, ~0ull).word[0], STATUS_UNSUPPORTED);
    for (unsigned class = 0; class <= EXIT_COUNT; class ++) {
        if (class != EXIT_CALL)
            assert_int_equal(send((enum exit_class) class, FS_READ).word[0], 0);
    }
    assert_int_equal(world.disk.reads, 0);
}

static int make_files(void **state) {
    if (world_make_disk(state) != 0)
        return 1;
    disk_run(&world.disk, "mmd -i image ::/lib");
    disk_put(&world.disk, "/lib/server.elf", 1, 10000);
    disk_put(&world.disk, "/full", 2, BUFFER);
    disk_put(&world.disk, "/large", 3, BUFFER + 1);
    world_put("/empty", "", 0);
    return 0;
}

#define READ_TEST(function) cmocka_unit_test_setup_teardown(function, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        READ_TEST(test_content_replaces_the_path),
        READ_TEST(test_too_large_file_is_not_read_but_measured),
        READ_TEST(test_failures_are_said_and_logged),
        READ_TEST(test_without_a_buffer_nothing_is_read),
        READ_TEST(test_other_records_do_nothing),
    };
    return cmocka_run_group_tests(tests, make_files, world_remove_disk);
}
