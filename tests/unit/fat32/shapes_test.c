// Files of many shapes on volumes of many shapes, made by mkfs.fat and mtools, are read as they
// were written.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fat32/disk.h"

static struct fat32 volume;

static void mount(struct disk *disk) {
    if (fat32_mount(&volume, &disk->reader) != STATUS_OK)
        fail_msg("%s", fat32_error_text(&volume));
}

// Every size around a cluster's and a sector's borders, read whole, in odd pieces and in even ones.
static void sizes(struct disk *disk, unsigned sector_size, unsigned cluster_size) {
    const size_t size[] = {0,
                           1,
                           sector_size - 1,
                           sector_size,
                           sector_size + 1,
                           cluster_size - 1,
                           cluster_size,
                           cluster_size + 1,
                           3 * (size_t)cluster_size,
                           100003};
    const unsigned count = sizeof(size) / sizeof(size[0]);
    disk_run(disk, "mmd -i image ::/sizes");
    char path[40];
    for (unsigned i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "/sizes/a file %u", i);
        disk_put(disk, path, i, size[i]);
    }
    mount(disk);
    for (unsigned i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "/sizes/a file %u", i);
        disk_expect(&volume, path, i, size[i], size[i] + 1);
        disk_expect(&volume, path, i, size[i], 1000);
        disk_expect(&volume, path, i, size[i], 4096);
        disk_expect(&volume, path, i, size[i], 30011);
    }
}

// Pieces of a fragmented file in any order.
static void random_reads(const char *path, uint32_t seed, size_t size) {
    struct fat32_file file;
    assert_int_equal(fat32_open(&volume, path, &file), STATUS_OK);
    uint8_t *expected = disk_content(seed, size);
    uint8_t *bytes = malloc(size);
    srand(seed);
    for (unsigned i = 0; i < 300; i++) {
        size_t offset = (size_t)rand() % (size + 10), length = (size_t)rand() % size, done;
        size_t left = offset < size ? size - offset : 0;
        assert_int_equal(fat32_read(&file, offset, bytes, length, &done), STATUS_OK);
        assert_int_equal(done, length < left ? length : left);
        assert_memory_equal(bytes, expected + offset, done);
    }
    free(bytes);
    free(expected);
}

static void fragmented(struct disk *disk, unsigned cluster_size) {
    const size_t hole = 2 * (size_t)cluster_size - 5, size = 20 * (size_t)cluster_size + 77;
    disk_put_fragmented(disk, "/fragmented", 4711, size, hole);
    char ranges[1024], first[16];
    disk_ask(disk, ranges, sizeof(ranges), "mshowfat -i image ::/fragmented");
    unsigned count = 0;
    for (char *at = ranges; (at = strchr(at, '<')) != NULL; at++)
        count++;
    assert_in_range(count, 10, 100);
    // The count is independent of the library's: as many reads as there are ranges.
    mount(disk);
    struct fat32_file file;
    assert_int_equal(fat32_open(&volume, "/fragmented", &file), STATUS_OK);
    snprintf(first, sizeof(first), "<%u", file.chain.first);
    assert_non_null(strstr(ranges, first));
    uint8_t *bytes = malloc(size + 4096);
    size_t done;
    disk_reset_counts(disk);
    assert_int_equal(fat32_read(&file, 0, bytes, size + 4096, &done), STATUS_OK);
    assert_int_equal(done, size);
    assert_in_range(disk->reads, count, count + 2); // the table may take two of its own
    free(bytes);
    disk_expect(&volume, "/fragmented", 4711, size, size + 1);
    disk_expect(&volume, "/fragmented", 4711, size, 777);
    random_reads("/fragmented", 4711, size);
}

static void deep_directories(struct disk *disk) {
    char path[200] = "";
    for (unsigned i = 0; i < 12; i++) {
        snprintf(path + strlen(path), 16, "/directory %u", i);
        disk_run(disk, "mmd -i image '::%s'", path);
    }
    strcat(path, "/a file at the end of a long way.bin");
    disk_put(disk, path, 12, 5000);
    mount(disk);
    disk_expect(&volume, path, 12, 5000, 5001);
}

static void test_shapes(void **state) {
    (void)state;
    static const unsigned sector_sizes[] = {512, 1024, 2048, 4096};
    static const unsigned cluster_sectors[] = {1, 2, 8, 64, 128};
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned j = 0; j < 5; j++) {
            unsigned sector = sector_sizes[i], sectors = cluster_sectors[j];
            if (sector * sectors > 256 * 1024)
                continue; // mkfs.fat makes it, but the image would be 32 GiB long
            struct disk disk;
            disk_make(&disk, sector, sectors, 66000);
            sizes(&disk, sector, sector * sectors);
            fragmented(&disk, sector * sectors);
            deep_directories(&disk);
            disk_run(&disk, "fsck.fat -n image"); // the shape itself is sound
            disk_remove(&disk);
        }
    }
}

static void test_directory_with_many_files(void **state) {
    (void)state;
    static const unsigned cluster_sectors[] = {1, 16};
    for (unsigned i = 0; i < 2; i++) {
        struct disk disk;
        disk_make(&disk, 512, cluster_sectors[i], 66000);
        // A file of one cluster after each group makes the directory itself fragmented.
        disk_run(&disk, "mkdir many && cd many && "
                        "for i in $(seq 700); do echo content of $i > "
                        "\"a rather long name of file number $i.text\"; done && "
                        "mmd -i ../image ::/many && mcopy -i ../image *1.text ::/many && "
                        "mcopy -i ../image ../log ::/between && "
                        "mcopy -i ../image *[2-9].text ::/many && "
                        "mdel -i ../image '::/many/a rather long name of file number 55?.text'");
        mount(&disk);
        char path[100], expected[40], bytes[40];
        for (unsigned number = 1; number <= 700; number += 33) {
            snprintf(path, sizeof(path), "/many/a rather long name of file number %u.text", number);
            snprintf(expected, sizeof(expected), "content of %u\n", number);
            struct fat32_file file;
            size_t done;
            enum status status = fat32_open(&volume, path, &file);
            if (number % 10 == 0) {
                assert_int_equal(status, STATUS_NOT_FOUND);
                continue;
            }
            assert_int_equal(status, STATUS_OK);
            assert_int_equal(fat32_read(&file, 0, bytes, sizeof(bytes), &done), STATUS_OK);
            assert_int_equal(done, strlen(expected));
            assert_memory_equal(bytes, expected, done);
        }
        struct fat32_file file;
        assert_int_equal(
            fat32_open(&volume, "/many/a rather long name of file number 551.text", &file),
            STATUS_NOT_FOUND);
        disk_remove(&disk);
    }
}

// A volume that mformat made instead of mkfs.fat.
static void test_volume_of_mformat(void **state) {
    (void)state;
    struct disk disk;
    disk_make(&disk, 512, 2, 66000);
    disk_run(&disk, "mformat -i image -F -c 1 -T 134000 ::");
    disk_put(&disk, "/A.BIN", 1, 70000);
    mount(&disk);
    assert_int_equal(volume.cluster_shift, 9);
    disk_expect(&volume, "/A.BIN", 1, 70000, 70001);
    disk_remove(&disk);
}

// Where only the second allocation table is kept up to date, it is the one that is read.
static void test_active_table(void **state) {
    (void)state;
    struct disk disk;
    disk_make(&disk, 512, 1, 66000);
    disk_put(&disk, "/a", 1, 5000);
    mount(&disk);
    uint64_t first = volume.fat_sector;
    uint16_t flags = 0x81;
    disk_poke(&disk, 40, &flags, sizeof(flags));
    uint8_t zeros[512] = {0};
    disk_poke(&disk, first * BLOCK_SECTOR_SIZE, zeros, sizeof(zeros));
    mount(&disk);
    assert_true(volume.fat_sector > first);
    disk_expect(&volume, "/a", 1, 5000, 5001);
    disk_remove(&disk);
}

// What the boot pays for: the volume, the table, the root, its one directory, the file in one go.
static void test_reads_of_a_boot(void **state) {
    (void)state;
    struct disk disk;
    disk_make(&disk, 512, 1, 130000); // 64 MB, as mkfs.fat chooses for it
    disk_run(&disk, "mmd -i image ::/sbin");
    disk_put(&disk, "/sbin/gkernel", 9, 100003);
    disk_reset_counts(&disk);
    mount(&disk);
    struct fat32_file file;
    assert_int_equal(fat32_open(&volume, "/sbin/gkernel", &file), STATUS_OK);
    uint8_t *bytes = malloc(100003 + 512);
    size_t done;
    assert_int_equal(fat32_read(&file, 0, bytes, 100003 + 512, &done), STATUS_OK);
    assert_int_equal(done, 100003);
    assert_int_equal(disk.reads, 5);
    free(bytes);

    // Tens of megabytes, as an initrd has them, are one read too, but for the table.
    const size_t size = 40000000;
    disk_put(&disk, "/initrd", 10, size);
    mount(&disk);
    assert_int_equal(fat32_open(&volume, "/initrd", &file), STATUS_OK);
    bytes = malloc(size);
    uint8_t *expected = disk_content(10, size);
    disk_reset_counts(&disk);
    assert_int_equal(fat32_read(&file, 0, bytes, size, &done), STATUS_OK);
    assert_int_equal(done, size);
    assert_memory_equal(bytes, expected, size);
    assert_in_range(disk.reads, 2, 2 + size / 512 / 1024 + 2);
    free(expected);
    free(bytes);
    disk_remove(&disk);
}

// What is behind the bytes asked for stays untouched, and room for the last sector's rest is used.
static void test_room_behind_the_end(void **state) {
    (void)state;
    struct disk disk;
    disk_make(&disk, 512, 1, 66000);
    disk_put(&disk, "/a", 1, 1300);
    mount(&disk);
    uint8_t *expected = disk_content(1, 1300);
    struct fat32_file file;
    assert_int_equal(fat32_open(&volume, "/a", &file), STATUS_OK);
    for (size_t room = 1300; room < 1600; room += 118) {
        uint8_t *bytes = malloc(room);
        size_t done;
        assert_int_equal(fat32_read(&file, 0, bytes, room, &done), STATUS_OK);
        assert_int_equal(done, 1300);
        assert_memory_equal(bytes, expected, 1300);
        free(bytes);
    }
    size_t done = 1;
    assert_int_equal(fat32_read(&file, 1300, NULL, 100, &done), STATUS_OK);
    assert_int_equal(done, 0);
    done = 1;
    assert_int_equal(fat32_read(&file, UINT64_MAX, NULL, SIZE_MAX, &done), STATUS_OK);
    assert_int_equal(done, 0);
    done = 1;
    assert_int_equal(fat32_read(&file, 10, NULL, 0, &done), STATUS_OK);
    assert_int_equal(done, 0);
    free(expected);
    disk_remove(&disk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_directory_with_many_files),
        cmocka_unit_test(test_volume_of_mformat),
        cmocka_unit_test(test_active_table),
        cmocka_unit_test(test_reads_of_a_boot),
        cmocka_unit_test(test_room_behind_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
