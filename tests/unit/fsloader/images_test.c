// Guests' kernels of every kind, placed by what they say of themselves; and those that can't be.
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/init.h"
#include "tests/unit/fsloader/world.h"

#define MB (1ull << 20)

static struct fs_job *image_job(const char *path) {
    return world_job(FS_JOB_IMAGE, path, WORLD_GUEST + 2 * MB, 14 * MB);
}

static void test_flat_binary_goes_where_the_job_says(void **context) {
    (void)context;
    struct fs_job *job = image_job("/sbin/flat");
    loader_do_jobs(&world.loader);
    assert_string_equal(job->error, "");
    assert_int_equal(job->state, FS_JOB_DONE);
    assert_int_equal(job->status, STATUS_OK);
    assert_int_equal(job->bytes, 100001);
    assert_int_equal(job->entry, WORLD_GUEST + 2 * MB);
    assert_int_equal(job->placed, WORLD_GUEST + 2 * MB);
    assert_int_equal(job->end, WORLD_GUEST + 2 * MB + 100001);
    uint8_t *expected = disk_content(1, 100001);
    assert_memory_equal(world_guest(job->placed), expected, 100001);
    free(expected);
    assert_int_equal(world_changed(WORLD_GUEST, job->placed), 0);
    assert_int_equal(world_changed(job->end, WORLD_GUEST + WORLD_RAM), 0);

    const uint64_t told[] = {INIT_LOADED, 0, STATUS_OK, 100001, job->entry, job->end};
    assert_int_equal(world.calls, 1);
    assert_memory_equal(world.last_call.word, told, sizeof(told));
    assert_int_equal(world.lines, 0); // a small file is no news
}

static void test_linux_image_gets_its_zeroed_memory(void **context) {
    (void)context;
    struct fs_job *job = image_job("/linux");
    loader_do_jobs(&world.loader);
    assert_string_equal(job->error, "");
    // The header: 2 MiB above the base of memory, 3 MiB large.
    assert_int_equal(job->entry, WORLD_GUEST + 2 * MB);
    assert_int_equal(job->end, WORLD_GUEST + 5 * MB);
    assert_int_equal(job->bytes, 5000);
    const uint8_t *placed = world_guest(job->placed);
    assert_int_equal(placed[4999], 0xee);
    for (size_t i = 5000; i < 3 * MB; i++)
        assert_int_equal(placed[i], 0);
    assert_int_equal(world_changed(job->end, WORLD_GUEST + WORLD_RAM), 0);
}

static void test_elf_file_goes_where_its_segments_say(void **context) {
    (void)context;
    struct fs_job *job = image_job("/elf");
    loader_do_jobs(&world.loader);
    assert_string_equal(job->error, "");
    assert_int_equal(job->entry, WORLD_GUEST + 0x400010);
    assert_int_equal(job->placed, WORLD_GUEST + 0x400000);
    assert_int_equal(job->end, WORLD_GUEST + 0x600000 + 0x3000);
    assert_int_equal(world_guest(WORLD_GUEST + 0x400000)[0], 0x11);
    assert_int_equal(world_guest(WORLD_GUEST + 0x400000)[0xfff], 0x11);
    assert_int_equal(world_changed(WORLD_GUEST + 0x401000, WORLD_GUEST + 0x600000), 0);
    const uint8_t *data = world_guest(WORLD_GUEST + 0x600000);
    for (unsigned i = 0; i < 0x3000; i++)
        assert_int_equal(data[i], i < 0x234 ? 0x22 : 0);
    assert_int_equal(world_changed(job->end, WORLD_GUEST + WORLD_RAM), 0);
}

static void test_missing_image_is_named_and_what_to_do(void **context) {
    (void)context;
    struct fs_job *job = image_job("/sbin/gkernel");
    loader_do_jobs(&world.loader);
    assert_int_equal(job->state, FS_JOB_FAILED);
    assert_int_equal(job->status, STATUS_NOT_FOUND);
    assert_string_equal(job->error,
                        "/sbin/gkernel: not on the disk (there is no gkernel in /sbin): put it "
                        "there with mcopy, or run with --guest FILE");
    assert_int_equal(world.last_call.word[2], STATUS_NOT_FOUND);
    job = world_job(FS_JOB_TOP, "/boot/initrd", WORLD_GUEST, WORLD_RAM);
    loader_do_jobs(&world.loader);
    assert_string_equal(job->error, "/boot/initrd: not on the disk (there is no boot in /): put it "
                                    "there with mcopy, or run with --initrd FILE");
    assert_int_equal(world.calls, 2);
    assert_int_equal(world_changed(WORLD_GUEST, WORLD_GUEST + WORLD_RAM), 0);
}

static void test_too_large_image_says_how_much_is_needed(void **context) {
    (void)context;
    // 64 KiB at the end are kept for the device tree, as init does.
    struct fs_job *job =
        world_job(FS_JOB_IMAGE, "/20mb", WORLD_GUEST + 2 * MB, 14 * MB - (64ull << 10));
    struct fs_job *initrd = world_job(FS_JOB_TOP, "/3mb", WORLD_GUEST, 16 * MB - (64ull << 10));
    loader_do_jobs(&world.loader);
    assert_int_equal(job->status, STATUS_RANGE);
    // 2 + 20 + 3 MB and 64 KiB.
    assert_non_null(strstr(job->error, "/20mb: the image needs 20971520 bytes at 0x80200000"));
    assert_non_null(strstr(job->error, "give the VM at least 26 MB"));
    assert_int_equal(initrd->state, FS_JOB_DONE);
    assert_int_equal(world_changed(WORLD_GUEST + 2 * MB, initrd->placed), 0);
}

static void test_image_that_is_none_is_refused(void **context) {
    (void)context;
    struct fs_job *empty = image_job("/empty");
    struct fs_job *packed = image_job("/packed");
    struct fs_job *directory = image_job("/sbin");
    struct fs_job *broken = image_job("/broken");
    loader_do_jobs(&world.loader);
    assert_string_equal(empty->error, "/empty: the image is empty");
    assert_string_equal(packed->error, "/packed: the image is compressed by gzip: gunzip it first");
    assert_string_equal(directory->error, "/sbin: /sbin is a directory, not a file");
    assert_int_equal(broken->status, STATUS_CORRUPT);
    assert_non_null(strstr(broken->error, "/broken: "));
    assert_int_equal(world.calls, 4);
    assert_int_equal(world_changed(WORLD_GUEST, WORLD_GUEST + WORLD_RAM), 0);
}

static void test_unreadable_sector_is_named(void **context) {
    (void)context;
    // Where the file lies is mtools' to say.
    char answer[128];
    disk_ask(&world.disk, answer, sizeof(answer), "mshowfat -i image ::/sbin/flat");
    unsigned cluster;
    assert_int_equal(sscanf(strchr(answer, '<'), "<%u", &cluster), 1);
    world.disk.bad_sector = world.volume.data_at / 512 + cluster - 2 + 17;
    world.disk.bad_status = STATUS_IO;
    world.loader.disk_error = "the block device did not answer in time";
    struct fs_job *job = image_job("/sbin/flat");
    loader_do_jobs(&world.loader);
    world.disk.bad_sector = UINT64_MAX;
    assert_int_equal(job->status, STATUS_IO);
    assert_int_equal(job->state, FS_JOB_FAILED);
    assert_non_null(strstr(job->error, "/sbin/flat: the block device did not answer in time: "));
}

static void test_large_file_shows_its_progress(void **context) {
    (void)context;
    free(world.ram);
    world.ram = malloc(64 * MB);
    struct config_entry *entry = &world.config->entry[1];
    entry->address = (uintptr_t)world.ram;
    entry->size = 64 * MB;
    struct fs_job *job = world_job(FS_JOB_IMAGE, "/20mb", WORLD_GUEST + 2 * MB, 60 * MB);
    loader_do_jobs(&world.loader);
    assert_string_equal(job->error, "");
    assert_int_equal(world.lines, 2);
    assert_string_equal(world.line[0], "loading /20mb: 8 of 20 MB");
    assert_string_equal(world.line[1], "loading /20mb: 16 of 20 MB");
    uint8_t *expected = disk_content(2, 20 * MB);
    assert_memory_equal(world_guest(job->placed), expected, 20 * MB);
    free(expected);
}

// An executable of two segments, by the System V ABI's own header file.
static void put_elf(void) {
    static uint8_t file[0x2000];
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_RISCV,
        .e_version = EV_CURRENT,
        .e_entry = 0xffffffff80400010,
        .e_phoff = sizeof(header),
        .e_ehsize = sizeof(header),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 2};
    Elf64_Phdr text = {.p_type = PT_LOAD,
                       .p_flags = PF_R | PF_X,
                       .p_offset = 0x1000,
                       .p_vaddr = 0xffffffff80400000,
                       .p_paddr = WORLD_GUEST + 0x400000,
                       .p_filesz = 0x1000,
                       .p_memsz = 0x1000,
                       .p_align = 0x1000};
    Elf64_Phdr data = {.p_type = PT_LOAD,
                       .p_flags = PF_R | PF_W,
                       .p_offset = 0xc00,
                       .p_vaddr = 0xffffffff80600c00 - 0xc00,
                       .p_paddr = WORLD_GUEST + 0x600000,
                       .p_filesz = 0x234,
                       .p_memsz = 0x3000,
                       .p_align = 1};
    memset(file + 0x1000, 0x11, 0x1000);
    memset(file + 0xc00, 0x22, 0x234);
    memcpy(file, &header, sizeof(header));
    memcpy(file + sizeof(header), &text, sizeof(text));
    memcpy(file + sizeof(header) + sizeof(text), &data, sizeof(data));
    world_put("/elf", file, sizeof(file));
    world_put("/broken", file, 0x1800); // the second segment ends behind the file
}

static void put_linux(void) {
    // Linux, Documentation/arch/riscv/boot-image-header.rst.
    uint8_t file[5000];
    memset(file, 0xee, sizeof(file));
    memset(file, 0, 64);
    const uint64_t text_offset = 2 * MB, image_size = 3 * MB;
    memcpy(file + 8, &text_offset, 8);
    memcpy(file + 16, &image_size, 8);
    memcpy(file + 48, "RISCV\0\0\0", 8);
    memcpy(file + 56, "RSC\x05", 4);
    world_put("/linux", file, sizeof(file));
}

static int make_files(void **state) {
    if (world_make_disk(state) != 0)
        return 1;
    disk_run(&world.disk, "mmd -i image ::/sbin");
    disk_put(&world.disk, "/sbin/flat", 1, 100001);
    disk_put(&world.disk, "/20mb", 2, 20 * MB);
    disk_put(&world.disk, "/3mb", 3, 3 * MB);
    world_put("/empty", "", 0);
    world_put("/packed", "\x1f\x8b\x08\x00 and so on", 14);
    put_elf();
    put_linux();
    return 0;
}

#define IMAGE_TEST(function) cmocka_unit_test_setup_teardown(function, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        IMAGE_TEST(test_flat_binary_goes_where_the_job_says),
        IMAGE_TEST(test_linux_image_gets_its_zeroed_memory),
        IMAGE_TEST(test_elf_file_goes_where_its_segments_say),
        IMAGE_TEST(test_missing_image_is_named_and_what_to_do),
        IMAGE_TEST(test_too_large_image_says_how_much_is_needed),
        IMAGE_TEST(test_image_that_is_none_is_refused),
        IMAGE_TEST(test_unreadable_sector_is_named),
        IMAGE_TEST(test_large_file_shows_its_progress),
    };
    return cmocka_run_group_tests(tests, make_files, world_remove_disk);
}
