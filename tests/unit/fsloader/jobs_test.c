// The list of jobs: where files go as they are, what is refused, what a restarted loader does
// again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/init.h"
#include "servers/fs-loader/place.h"
#include "tests/unit/fsloader/world.h"

#define KB (1ull << 10)
#define MB (1ull << 20)

// Runs the only job and returns its error.
static const char *run(enum fs_job_kind kind, const char *path, uint64_t address, uint64_t limit) {
    memset(&world.jobs, 0, sizeof(world.jobs));
    world_job(kind, path, address, limit);
    struct fs_job job = world.jobs.job[0];
    enum status status = loader_do_job(&world.loader, &job);
    assert_int_equal(job.status, status);
    assert_int_equal(job.error[0] == '\0', status == STATUS_OK);
    world.jobs.job[0] = job;
    return world.jobs.job[0].error;
}

static const struct fs_job *job = &world.jobs.job[0];

static void expect_content(uint32_t seed, size_t size) {
    uint8_t *expected = disk_content(seed, size);
    assert_memory_equal(world_guest(job->placed), expected, size);
    free(expected);
    assert_int_equal(job->bytes, size);
    assert_int_equal(job->end, job->placed + size);
}

static void test_raw_file_goes_where_the_job_says(void **context) {
    (void)context;
    // Any address, and not a byte behind the file.
    assert_string_equal(run(FS_JOB_RAW, "/3000", WORLD_GUEST + 12345, 3000), "");
    assert_int_equal(job->placed, WORLD_GUEST + 12345);
    expect_content(1, 3000);
    assert_int_equal(world_changed(WORLD_GUEST, job->placed), 0);
    assert_int_equal(world_changed(job->end, WORLD_GUEST + WORLD_RAM), 0);

    assert_string_equal(run(FS_JOB_RAW, "/3000", WORLD_GUEST, 2999),
                        "/3000: it has 3000 bytes, at 0x80000000 there is room for 2999");
    assert_int_equal(job->status, STATUS_RANGE);
    // The memory ends before the limit does.
    assert_string_equal(run(FS_JOB_RAW, "/3000", WORLD_GUEST + WORLD_RAM - 100, UINT64_MAX),
                        "/3000: it has 3000 bytes, at 0x80ffff9c there is room for 100");
    assert_string_equal(run(FS_JOB_RAW, "/3000", WORLD_GUEST + WORLD_RAM - 3000, UINT64_MAX), "");
    expect_content(1, 3000);
    assert_string_equal(run(FS_JOB_RAW, "/empty", WORLD_GUEST, 0), "");
    assert_int_equal(job->end, WORLD_GUEST);
}

static void test_top_file_goes_as_high_as_it_fits(void **context) {
    (void)context;
    const uint64_t end = WORLD_GUEST + 15 * MB + 64 * KB;
    assert_string_equal(run(FS_JOB_TOP, "/3000", WORLD_GUEST, end - WORLD_GUEST), "");
    assert_int_equal(job->placed, end - 4096);
    expect_content(1, 3000);
    assert_int_equal(world_changed(job->end, WORLD_GUEST + WORLD_RAM), 0);
    // 2 MiB or more: at a multiple of that.
    assert_string_equal(run(FS_JOB_TOP, "/3mb", WORLD_GUEST, end - WORLD_GUEST), "");
    assert_int_equal(job->placed, WORLD_GUEST + 12 * MB);
    expect_content(2, 3 * MB + 1);
    // Unless only the page's multiple fits.
    assert_string_equal(run(FS_JOB_TOP, "/3mb", WORLD_GUEST + 5 * MB - 4096, 3 * MB + 8192), "");
    assert_int_equal(job->placed, WORLD_GUEST + 5 * MB);
    expect_content(2, 3 * MB + 1);
    // The memory's end counts when the limit lies behind it.
    assert_string_equal(run(FS_JOB_TOP, "/3000", WORLD_UPPER, UINT64_MAX), "");
    assert_int_equal(job->placed, WORLD_UPPER + WORLD_PIECE - 4096);
    expect_content(1, 3000);
    assert_int_equal(world_changed(WORLD_UPPER, job->placed), 0);
    // An end that is no page's.
    assert_string_equal(run(FS_JOB_TOP, "/3000", WORLD_GUEST, 8000), "");
    assert_int_equal(job->placed, WORLD_GUEST + 4096);
}

static void test_top_file_that_does_not_fit_says_what_is_missing(void **context) {
    (void)context;
    assert_string_equal(run(FS_JOB_TOP, "/3mb", WORLD_GUEST, 1 * MB),
                        "/3mb: its 3145729 bytes do not fit between 0x80000000 and 0x80100000: "
                        "give the VM 3 MB more");
    assert_int_equal(job->status, STATUS_RANGE);
    // Large enough, but not from a page's beginning.
    assert_string_equal(run(FS_JOB_TOP, "/3000", WORLD_GUEST + 1, 4000),
                        "/3000: its 3000 bytes do not fit between 0x80000001 and 0x80000fa1: "
                        "give the VM 1 MB more");
    assert_int_equal(world_changed(WORLD_GUEST, WORLD_GUEST + WORLD_RAM), 0);
}

// Against a search page by page.
static void test_every_place_is_the_highest_there_is(void **context) {
    (void)context;
    for (uint64_t pages = 0; pages < 1100; pages += 7) {
        for (uint64_t base = 0; base < 1024; base += 17) {
            uint64_t size = pages * 4096 - (pages != 0) * 5;
            struct loader_memory room = {.size = 1200ull * 4096, .guest = base * 4096};
            uint64_t end = room.guest + room.size;
            uint64_t step = 4096, expected = UINT64_MAX;
            for (int pass = size >= 2 * MB ? 0 : 1; pass < 2 && expected == UINT64_MAX; pass++) {
                step = pass == 0 ? 2 * MB : 4096;
                for (uint64_t at = (room.guest + step - 1) / step * step; at + size <= end;
                     at += step)
                    expected = at;
            }
            uint64_t guest = 0;
            enum status status = place_top(&room, size, &guest);
            assert_int_equal(status, expected == UINT64_MAX ? STATUS_RANGE : STATUS_OK);
            if (status == STATUS_OK)
                assert_int_equal(guest, expected);
        }
    }
}

static void test_memory_is_found_by_name_and_address(void **context) {
    (void)context;
    assert_string_equal(run(FS_JOB_RAW, "/3000", WORLD_UPPER + 4096, 4096), "");
    assert_int_equal(world_changed(WORLD_UPPER, WORLD_UPPER + 4096), 0);
    expect_content(1, 3000);

    run(FS_JOB_RAW, "/3000", WORLD_GUEST - 1, 4096);
    assert_string_equal(job->error, "/3000: its address 0x7fffffff is not in the VM's memory");
    run(FS_JOB_RAW, "/3000", WORLD_GUEST + WORLD_RAM, 4096);
    assert_int_equal(job->status, STATUS_RANGE);
    run(FS_JOB_RAW, "/3000", UINT64_MAX, 4096);
    assert_int_equal(job->status, STATUS_RANGE);
}

static void test_memory_that_is_not_given_is_refused(void **context) {
    (void)context;
    struct fs_job *wrong = world_job(FS_JOB_RAW, "/3000", WORLD_GUEST, 4096);
    strcpy(wrong->window, "guest-ram-1");
    struct fs_job *endless = world_job(FS_JOB_RAW, "/3000", WORLD_GUEST, 4096);
    memset(endless->window, 'x', sizeof(endless->window));
    world_entry("kind", CONFIG_NUMBER, world.ram, WORLD_RAM)->guest = WORLD_GUEST;
    struct fs_job *number = world_job(FS_JOB_RAW, "/3000", WORLD_GUEST, 4096);
    strcpy(number->window, "kind");
    loader_do_jobs(&world.loader);
    assert_string_equal(wrong->error, "/3000: fs-loader has no memory called guest-ram-1: give it "
                                      "that VM's in the manifest");
    assert_int_equal(wrong->status, STATUS_NOT_FOUND);
    assert_non_null(strstr(endless->error, "called xxxxxxxxxxxxxxxxxxxxxxxx: "));
    assert_int_equal(number->status, STATUS_NOT_FOUND);

    world.config->entry[1].rights = RIGHT_R;
    run(FS_JOB_RAW, "/3000", WORLD_GUEST, 4096);
    assert_string_equal(job->error, "/3000: fs-loader may not write to guest-ram-0: give it \"rw\" "
                                    "in the manifest");
    assert_int_equal(job->status, STATUS_DENIED);
    assert_int_equal(world_changed(WORLD_GUEST, WORLD_GUEST + WORLD_RAM), 0);
}

static void test_malformed_jobs_are_refused(void **context) {
    (void)context;
    assert_string_equal(run((enum fs_job_kind)3, "/3000", WORLD_GUEST, 4096),
                        "/3000: there is no job of kind 3");
    run((enum fs_job_kind)UINT32_MAX, "/3000", WORLD_GUEST, 4096);
    assert_int_equal(job->status, STATUS_INVALID);
    run(FS_JOB_RAW, "3000", WORLD_GUEST, 4096);
    assert_string_equal(job->error, "3000: the path 3000 does not begin with /");
    run(FS_JOB_RAW, "", WORLD_GUEST, 4096);
    assert_int_equal(job->status, STATUS_INVALID);
    memset(&world.jobs, 0, sizeof(world.jobs));
    struct fs_job *endless = world_job(FS_JOB_RAW, "", WORLD_GUEST, 4096);
    memset(endless->path, 'x', sizeof(endless->path));
    loader_do_jobs(&world.loader);
    assert_int_equal(endless->status, STATUS_INVALID);
    assert_int_equal(endless->error[sizeof(endless->error) - 1], '\0');
    assert_int_equal(world_changed(WORLD_GUEST, WORLD_GUEST + WORLD_RAM), 0);
}

static void test_too_many_jobs_are_cut_off(void **context) {
    (void)context;
    world.jobs.count = UINT32_MAX;
    for (unsigned i = 0; i < FS_JOBS; i++)
        world.jobs.job[i].state = FS_JOB_WAITING;
    loader_do_jobs(&world.loader);
    assert_int_equal(world.calls, FS_JOBS);
    assert_non_null(strstr(world.line[0], "4294967295 jobs"));
}

static void test_without_a_disk_every_job_says_why(void **context) {
    (void)context;
    loader_refuse(&world.loader, STATUS_NOT_FOUND, "no virtio-mmio slot has a block device");
    run(FS_JOB_IMAGE, "/3000", WORLD_GUEST, 4096);
    assert_string_equal(job->error, "disk: no virtio-mmio slot has a block device");
    assert_int_equal(job->status, STATUS_NOT_FOUND);
}

static void test_short_disk_is_refused_by_name(void **context) {
    (void)context;
    struct block_reader reader = world.disk.reader;
    reader.capacity /= 2;
    loader_mount(&world.loader, &reader);
    run(FS_JOB_IMAGE, "/3000", WORLD_GUEST, 4096);
    assert_non_null(strstr(job->error, "disk: the volume has "));
    assert_non_null(strstr(job->error, "the image was cut short"));
    assert_int_equal(job->status, STATUS_CORRUPT);
    // With what the disk itself says.
    world.loader.disk_error = "the block device reports an error";
    world.disk.bad_sector = 0;
    world.disk.bad_status = STATUS_IO;
    loader_mount(&world.loader, &world.disk.reader);
    world.disk.bad_sector = UINT64_MAX;
    run(FS_JOB_IMAGE, "/3000", WORLD_GUEST, 4096);
    assert_non_null(strstr(job->error, "disk: the block device reports an error: cannot read "));
    assert_int_equal(job->status, STATUS_IO);
}

static void adopt(void) {
    assert_int_equal(loader_adopt(&world.loader, world.region, sizeof(world.region)), STATUS_OK);
}

static void test_restarted_loader_does_only_what_is_left(void **context) {
    (void)context;
    world_job(FS_JOB_RAW, "/3000", WORLD_GUEST, 4096);
    struct fs_job *failed = world_job(FS_JOB_RAW, "/none", WORLD_GUEST, 4096);
    loader_do_jobs(&world.loader);
    assert_int_equal(failed->state, FS_JOB_FAILED);
    assert_int_equal(world.calls, 2);
    // The guest runs: nothing may be loaded over it.
    memset(world.ram, 0x5a, 4096);
    adopt();
    loader_do_jobs(&world.loader);
    assert_int_equal(world.calls, 2);
    assert_int_equal(world_changed(WORLD_GUEST, WORLD_GUEST + 4096), 0);
    // One died behind the job's end and before it told init of it.
    world_job(FS_JOB_RAW, "/3000", WORLD_GUEST + 8192, 4096)->state = FS_JOB_DONE;
    adopt();
    loader_do_jobs(&world.loader);
    assert_int_equal(world.calls, 3);
    assert_int_equal(world.last_call.word[1], 2);
    assert_int_equal(world_changed(WORLD_GUEST, WORLD_GUEST + WORLD_RAM), 0);
    // One died in the middle of a job.
    world_job(FS_JOB_RAW, "/3000", WORLD_GUEST + 4096, 4096);
    adopt();
    loader_do_jobs(&world.loader);
    assert_int_equal(world.calls, 4);
    assert_int_equal(world_changed(WORLD_GUEST, WORLD_GUEST + 4096), 0);
    assert_true(world_changed(WORLD_GUEST + 4096, WORLD_GUEST + 8192) > 2900);
}

static void test_newer_state_is_refused(void **context) {
    (void)context;
    ((struct state_header *)world.region)->version = LOADER_STATE_VERSION + 1;
    assert_int_equal(loader_adopt(&world.loader, world.region, sizeof(world.region)),
                     STATUS_UNSUPPORTED);
    memset(world.region, 0x5a, sizeof(world.region));
    adopt();
    const struct loader_state *state = state_current(&world.loader.state);
    assert_int_equal(state->told, 0);
}

static void move_second_job(void) {
    if (world.calls == 1)
        world.jobs.job[1].address = world.jobs.job[0].end;
}

static void test_init_can_change_a_job_when_told_of_the_one_before(void **context) {
    (void)context;
    world_job(FS_JOB_RAW, "/3000", WORLD_GUEST, 4096);
    world_job(FS_JOB_RAW, "/3000", WORLD_GUEST, 4096);
    world.at_call = move_second_job;
    loader_do_jobs(&world.loader);
    assert_int_equal(world.jobs.job[1].placed, WORLD_GUEST + 3000);
}

// Whatever a job says, nothing outside of what it may use is written.
static void test_random_jobs_stay_in_their_room(void **context) {
    (void)context;
    static const char *const paths[] = {"/3000", "/empty", "/none", "/40000"};
    uint64_t seed = 88172645463325252u;
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t random[4];
        for (unsigned j = 0; j < 4; j++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            random[j] = seed * 2685821657736338717u;
        }
        uint64_t address = WORLD_UPPER + random[0] % (WORLD_PIECE + 1000) - 500;
        uint64_t limit = random[1] >> random[1] % 64;
        run((enum fs_job_kind)(random[2] % 4), paths[random[3] % 4], address, limit);
        if (address < WORLD_UPPER || address >= WORLD_UPPER + WORLD_PIECE) {
            assert_int_not_equal(job->status, STATUS_OK);
            address = WORLD_UPPER + WORLD_PIECE;
        }
        uint64_t end = WORLD_UPPER + WORLD_PIECE;
        if (limit < end - address)
            end = address + limit;
        assert_int_equal(world_changed(WORLD_UPPER, address), 0);
        assert_int_equal(world_changed(end, WORLD_UPPER + WORLD_PIECE), 0);
        memset(world_guest(address), 0x5a, end - address);
    }
}

static int make_files(void **state) {
    if (world_make_disk(state) != 0)
        return 1;
    disk_put(&world.disk, "/3000", 1, 3000);
    disk_put(&world.disk, "/3mb", 2, 3 * MB + 1);
    disk_put(&world.disk, "/40000", 3, 40000);
    world_put("/empty", "", 0);
    return 0;
}

#define JOB_TEST(function) cmocka_unit_test_setup_teardown(function, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        JOB_TEST(test_raw_file_goes_where_the_job_says),
        JOB_TEST(test_top_file_goes_as_high_as_it_fits),
        JOB_TEST(test_top_file_that_does_not_fit_says_what_is_missing),
        cmocka_unit_test(test_every_place_is_the_highest_there_is),
        JOB_TEST(test_memory_is_found_by_name_and_address),
        JOB_TEST(test_memory_that_is_not_given_is_refused),
        JOB_TEST(test_malformed_jobs_are_refused),
        JOB_TEST(test_too_many_jobs_are_cut_off),
        JOB_TEST(test_without_a_disk_every_job_says_why),
        JOB_TEST(test_short_disk_is_refused_by_name),
        JOB_TEST(test_restarted_loader_does_only_what_is_left),
        JOB_TEST(test_newer_state_is_refused),
        JOB_TEST(test_init_can_change_a_job_when_told_of_the_one_before),
        JOB_TEST(test_random_jobs_stay_in_their_room),
    };
    return cmocka_run_group_tests(tests, make_files, world_remove_disk);
}
