// Broken, contradictory and malicious volumes: each ends in an error that says what is wrong and
// where.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fat32/disk.h"

#define FILE_SIZE 5000u // ten clusters
#define FILE_CLUSTERS 10u
#define LAST_CLUSTER 66001u

static struct disk disk;
static struct fat32 volume;

// Where things lie, computed here from what the specification says, not by the library.
static uint64_t table;           // byte address of the first allocation table
static uint64_t data;            // of cluster 2
static uint32_t first;           // the file's first cluster
static uint64_t file_entry;      // byte address of the file's entry in its directory
static uint64_t directory_entry; // and of that directory's

static uint64_t cluster_at(uint32_t cluster) { return data + (uint64_t)(cluster - 2) * 512; }

static void poke_next(uint32_t cluster, uint32_t next) {
    disk_poke32(&disk, table + cluster * 4ull, next);
}

// A volume with 512 byte clusters: root 2, /sbin 3, /sbin/gkernel 4 to 13.
static int make(void **state) {
    (void)state;
    disk_make(&disk, 512, 1, 66000);
    disk_run(&disk, "mmd -i image ::/sbin");
    disk_put(&disk, "/sbin/gkernel", 1, FILE_SIZE);
    uint16_t reserved;
    uint32_t sectors, total;
    assert_int_equal(pread(disk.image, &reserved, 2, 14), 2);
    assert_int_equal(pread(disk.image, &sectors, 4, 36), 4);
    assert_int_equal(pread(disk.image, &total, 4, 32), 4);
    // Exactly 66000 clusters, to know the last one's number.
    total = reserved + 2 * sectors + 66000;
    disk_poke32(&disk, 32, total);
    table = reserved * 512ull;
    data = table + sectors * 2 * 512ull;
    char range[64];
    disk_ask(&disk, range, sizeof(range), "mshowfat -i image ::/sbin/gkernel");
    assert_string_equal(range, "::/sbin/gkernel <4-13>\n");
    first = 4;
    directory_entry = cluster_at(2);
    file_entry = cluster_at(3) + 64; // behind . and ..
    return 0;
}

static int drop(void **state) {
    (void)state;
    disk_remove(&disk);
    return 0;
}

static enum status read_all(void) {
    enum status status = fat32_mount(&volume, &disk.reader);
    if (status != STATUS_OK)
        return status;
    struct fat32_file file;
    status = fat32_open(&volume, "/sbin/gkernel", &file);
    if (status != STATUS_OK)
        return status;
    size_t done;
    uint8_t bytes[2 * FILE_SIZE];
    return fat32_read(&file, 0, bytes, sizeof(bytes), &done);
}

static void expect(enum status status, const char *text) {
    assert_int_equal(read_all(), status);
    assert_string_equal(fat32_error_text(&volume), text);
}

static void expect_sound(void) {
    if (read_all() != STATUS_OK)
        fail_msg("%s", fat32_error_text(&volume));
}

static void test_wrong_fields_of_the_first_sector(void **state) {
    (void)state;
    static const struct {
        unsigned offset, size;
        uint32_t value;
        enum status status;
        const char *text;
    } cases[] = {
        {510, 2, 0, STATUS_CORRUPT, "no FAT32 volume: the first sector ends in 0x0, not 0xaa55"},
        {11, 2, 0, STATUS_CORRUPT,
         "no FAT32 volume: a sector of 0 bytes, not 512, 1024, 2048 or 4096"},
        {11, 2, 256, STATUS_CORRUPT,
         "no FAT32 volume: a sector of 256 bytes, not 512, 1024, 2048 or 4096"},
        {11, 2, 768, STATUS_CORRUPT,
         "no FAT32 volume: a sector of 768 bytes, not 512, 1024, 2048 or 4096"},
        {11, 2, 8192, STATUS_CORRUPT,
         "no FAT32 volume: a sector of 8192 bytes, not 512, 1024, 2048 or 4096"},
        {13, 1, 0, STATUS_CORRUPT, "no FAT32 volume: a cluster of 0 sectors, not a power of two"},
        {13, 1, 3, STATUS_CORRUPT, "no FAT32 volume: a cluster of 3 sectors, not a power of two"},
        {13, 1, 255, STATUS_CORRUPT,
         "no FAT32 volume: a cluster of 255 sectors, not a power of two"},
        {14, 2, 0, STATUS_CORRUPT, "no FAT32 volume: no reserved sectors, though its first is one"},
        {16, 1, 0, STATUS_CORRUPT, "no FAT32 volume: it has no allocation table"},
        {16, 1, 255, STATUS_CORRUPT,
         "the volume's data would begin at sector 133652, behind its last of 67080"},
        {17, 2, 512, STATUS_UNSUPPORTED,
         "the volume is FAT12 or FAT16: make it with mkfs.fat -F 32"},
        {19, 2, 1000, STATUS_UNSUPPORTED,
         "the volume is FAT12 or FAT16: make it with mkfs.fat -F 32"},
        {22, 2, 516, STATUS_UNSUPPORTED,
         "the volume is FAT12 or FAT16: make it with mkfs.fat -F 32"},
        {32, 4, 0, STATUS_CORRUPT, "the volume has no sectors"},
        {32, 4, 0xffffffff, STATUS_CORRUPT,
         "the volume has 4294967295 sectors of 512 bytes, the disk only 68048: the image was cut "
         "short"},
        {32, 4, 1000, STATUS_CORRUPT,
         "the volume's data would begin at sector 1080, behind its last of 1000"},
        {36, 4, 0, STATUS_CORRUPT, "the allocation table has no sectors"},
        {36, 4, 515, STATUS_CORRUPT,
         "the allocation table has 65920 entries, the volume 66018 clusters"},
        {36, 4, 0xffffffff, STATUS_CORRUPT,
         "the volume's data would begin at sector 8589934622, behind its last of 67080"},
        {40, 2, 0x8f, STATUS_CORRUPT, "allocation table 15 is said to be in use, there are 2"},
        {42, 2, 0x0102, STATUS_UNSUPPORTED, "FAT32 of version 1.2, only 0.0 is known"},
        {44, 4, 0, STATUS_CORRUPT, "the root directory begins at cluster 0, not one of 2 to 66001"},
        {44, 4, 1, STATUS_CORRUPT, "the root directory begins at cluster 1, not one of 2 to 66001"},
        {44, 4, 66002, STATUS_CORRUPT,
         "the root directory begins at cluster 66002, not one of 2 to 66001"},
        {44, 4, 0x0fffffff, STATUS_CORRUPT,
         "the root directory begins at cluster 268435455, not one of 2 to 66001"},
    };
    expect_sound();
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t old;
        assert_int_equal(pread(disk.image, &old, 4, cases[i].offset), 4);
        disk_poke(&disk, cases[i].offset, &cases[i].value, cases[i].size);
        expect(cases[i].status, cases[i].text);
        disk_poke(&disk, cases[i].offset, &old, cases[i].size);
    }
    expect_sound();
}

static void test_other_file_systems(void **state) {
    (void)state;
    disk_poke(&disk, 3, "EXFAT   ", 8);
    expect(STATUS_UNSUPPORTED, "the volume is exFAT or NTFS: make it with mkfs.fat -F 32");
    disk_poke(&disk, 3, "NTFS    ", 8);
    expect(STATUS_UNSUPPORTED, "the volume is exFAT or NTFS: make it with mkfs.fat -F 32");
    disk_run(&disk, "mkfs.fat -F 16 image");
    expect(STATUS_UNSUPPORTED, "the volume is FAT12 or FAT16: make it with mkfs.fat -F 32");
    disk_run(&disk, "truncate -s 0 image && truncate -s 34M image");
    expect(STATUS_CORRUPT, "no FAT32 volume: the first sector ends in 0x0, not 0xaa55");
}

// Every single byte of the first sector, set to every value of a choice, ends in an answer.
static void test_any_byte_of_the_first_sector(void **state) {
    (void)state;
    static const uint8_t values[] = {0, 1, 2, 0x7f, 0x80, 0xff};
    uint8_t sector[512];
    assert_int_equal(pread(disk.image, sector, 512, 0), 512);
    unsigned refused = 0;
    for (unsigned at = 0; at < 512; at++) {
        for (unsigned i = 0; i < sizeof(values); i++) {
            disk_poke(&disk, at, &values[i], 1);
            enum status status = read_all();
            if (status != STATUS_OK)
                refused++;
            assert_true(status == STATUS_OK || fat32_error_text(&volume)[0] != '\0');
        }
        disk_poke(&disk, at, &sector[at], 1);
    }
    assert_in_range(refused, 100, 300); // the fields are some 30 of the bytes
}

static void test_image_cut_short(void **state) {
    (void)state;
    // The disk says how large it is: the mount knows.
    uint64_t capacity = disk.reader.capacity;
    disk.reader.capacity = 40;
    expect(STATUS_CORRUPT,
           "the volume has 67080 sectors of 512 bytes, the disk only 40: the image was cut short");
    disk.reader.capacity = 1;
    expect(STATUS_CORRUPT,
           "the volume has 67080 sectors of 512 bytes, the disk only 1: the image was cut short");
    disk.reader.capacity = 0;
    expect(STATUS_CORRUPT, "the disk is empty");
    // The disk says something else than it has: the read fails.
    disk.reader.capacity = capacity;
    uint64_t sector = cluster_at(first + 5) / 512;
    disk_run(&disk, "truncate -s %llu image", (unsigned long long)sector * 512);
    char text[200];
    snprintf(text, sizeof(text),
             "cannot read 10 sectors at sector %llu of the disk (/sbin/gkernel): the device failed "
             "or did not answer in time",
             (unsigned long long)cluster_at(first) / 512);
    expect(STATUS_IO, text);
}

static void test_failing_reads(void **state) {
    (void)state;
    const struct {
        uint64_t sector;
        const char *what;
    } cases[] = {{0, "(the volume's first sector)"},
                 {table / 512, "(the allocation table)"},
                 {cluster_at(2) / 512, "(/)"},
                 {cluster_at(3) / 512, "(/sbin)"},
                 {cluster_at(first + 9) / 512, "(/sbin/gkernel)"}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        disk.bad_sector = cases[i].sector;
        disk.bad_status = i % 2 ? STATUS_RANGE : STATUS_IO;
        assert_int_equal(read_all(), disk.bad_status);
        assert_non_null(strstr(fat32_error_text(&volume), cases[i].what));
    }
    // Nothing half read is kept: the same volume works when the disk does again.
    disk.bad_sector = table / 512;
    assert_int_equal(fat32_mount(&volume, &disk.reader), STATUS_OK);
    struct fat32_file file;
    assert_int_equal(fat32_open(&volume, "/sbin/gkernel", &file), disk.bad_status);
    disk.bad_sector = UINT64_MAX;
    disk_expect(&volume, "/sbin/gkernel", 1, FILE_SIZE, FILE_SIZE + 1);
}

static void test_wild_clusters(void **state) {
    (void)state;
    static const struct {
        uint32_t next;
        const char *text;
    } cases[] = {
        {0, "cluster 6 of /sbin/gkernel is marked as free"},
        {0xf0000000, "cluster 6 of /sbin/gkernel is marked as free"},
        {1, "cluster 6 of /sbin/gkernel points to 1, a reserved number"},
        {0x0ffffff7, "cluster 6 of /sbin/gkernel is marked as damaged"},
        {66002, "cluster 6 of /sbin/gkernel points to 0x101d2, beyond the last cluster 66001"},
        {0xfffff, "cluster 6 of /sbin/gkernel points to 0xfffff, beyond the last cluster 66001"},
        {0x0ffffff6,
         "cluster 6 of /sbin/gkernel points to 0xffffff6, beyond the last cluster 66001"},
        {0x0ffffff8, "the cluster chain of /sbin/gkernel ends after 3 clusters, its size of 5000 "
                     "bytes needs more"},
        {0xffffffff, "the cluster chain of /sbin/gkernel ends after 3 clusters, its size of 5000 "
                     "bytes needs more"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        poke_next(6, cases[i].next);
        expect(STATUS_CORRUPT, cases[i].text);
    }
    poke_next(6, 0xf0000007); // the upper bits mean nothing
    expect_sound();
    // The last cluster there is has no next one, though the table has room for it.
    poke_next(6, LAST_CLUSTER);
    poke_next(LAST_CLUSTER, LAST_CLUSTER + 1);
    expect(STATUS_CORRUPT,
           "cluster 66001 of /sbin/gkernel points to 0x101d2, beyond the last cluster 66001");
}

static void test_size_contradicts_the_chain(void **state) {
    (void)state;
    poke_next(13, 20);
    poke_next(20, 0x0fffffff);
    expect(STATUS_CORRUPT,
           "the cluster chain of /sbin/gkernel goes on to cluster 20 behind the last "
           "that its size of 5000 bytes needs");
    poke_next(13, 0);
    expect(STATUS_CORRUPT, "cluster 13 of /sbin/gkernel is marked as free");
    poke_next(13, 0x0fffffff);
    disk_poke32(&disk, file_entry + 28, 4000);
    expect(STATUS_CORRUPT,
           "the cluster chain of /sbin/gkernel goes on to cluster 12 behind the last "
           "that its size of 4000 bytes needs");
    disk_poke32(&disk, file_entry + 28, 5121);
    expect(STATUS_CORRUPT, "the cluster chain of /sbin/gkernel ends after 10 clusters, its size of "
                           "5121 bytes needs more");
    disk_poke32(&disk, file_entry + 28, 0xffffffff);
    expect(STATUS_CORRUPT,
           "/sbin/gkernel has a size of 4294967295 bytes, the whole volume holds 33792000");
    disk_poke32(&disk, file_entry + 28, 5120);
    expect_sound();
}

static void test_circles(void **state) {
    (void)state;
    // A circle is found even where the file's size would end within it.
    poke_next(13, 4);
    expect(STATUS_CORRUPT,
           "the cluster chain of /sbin/gkernel runs in a circle through cluster 13");
    poke_next(6, 6);
    expect(STATUS_CORRUPT, "the cluster chain of /sbin/gkernel runs in a circle through cluster 6");
    poke_next(6, 5);
    expect(STATUS_CORRUPT, "the cluster chain of /sbin/gkernel runs in a circle through cluster 5");
    // As large as the volume allows, the circle costs no more than a file of that size.
    disk_poke32(&disk, file_entry + 28, 33000000);
    assert_int_equal(fat32_mount(&volume, &disk.reader), STATUS_OK);
    struct fat32_file file;
    assert_int_equal(fat32_open(&volume, "/sbin/gkernel", &file), STATUS_OK);
    uint8_t byte;
    size_t done;
    disk_reset_counts(&disk);
    assert_int_equal(fat32_read(&file, 32999999, &byte, 1, &done), STATUS_CORRUPT);
    assert_in_range(disk.reads, 0, 10);
}

static void test_directories_in_circles(void **state) {
    (void)state;
    // A directory without an end whose chain is a circle. Its entries are all taken, none is the
    // last.
    uint8_t entries[512];
    memset(entries, 'x', sizeof(entries));
    for (unsigned i = 0; i < 16; i++)
        entries[i * 32 + 11] = 0x20;
    disk_poke(&disk, cluster_at(3), entries, sizeof(entries));
    poke_next(3, 3);
    expect(STATUS_CORRUPT,
           "the directory /sbin has more than 65536 entries: its cluster chain runs in a circle");
    poke_next(3, 0);
    expect(STATUS_CORRUPT, "cluster 3 of /sbin is marked as free");
    poke_next(3, 0x0fffffff); // no entry is marked as the last one, but the chain ends: allowed
    expect(STATUS_NOT_FOUND, "there is no gkernel in /sbin");
}

static void test_directory_in_itself(void **state) {
    (void)state;
    uint16_t cluster = 2;
    disk_poke(&disk, directory_entry + 26, &cluster, 2);
    expect(STATUS_CORRUPT, "the directory sbin of the path /sbin/gkernel lies in itself");
    // Deeper: /sbin/gkernel made a directory whose cluster is that of /sbin.
    cluster = 3;
    disk_poke(&disk, directory_entry + 26, &cluster, 2);
    uint8_t directory = 0x10;
    disk_poke(&disk, file_entry + 11, &directory, 1);
    disk_poke(&disk, file_entry + 26, &cluster, 2);
    expect(STATUS_CORRUPT, "the directory gkernel of the path /sbin/gkernel lies in itself");
    // Too deep to be remembered.
    char path[200] = "";
    for (unsigned i = 0; i < 40; i++)
        strcat(path, "/a");
    struct fat32_file file;
    disk_run(&disk, "d=; for i in $(seq 34); do d=$d/a; mmd -i image ::$d || exit 1; done");
    assert_int_equal(fat32_mount(&volume, &disk.reader), STATUS_OK);
    assert_int_equal(fat32_open(&volume, path, &file), STATUS_RANGE);
}

static void test_entries_that_begin_nowhere(void **state) {
    (void)state;
    uint16_t low = 0;
    disk_poke(&disk, file_entry + 26, &low, 2);
    expect(STATUS_CORRUPT, "/sbin/gkernel begins at cluster 0, not one of 2 to 66001");
    uint16_t high = 0x0fff;
    disk_poke(&disk, file_entry + 20, &high, 2);
    expect(STATUS_CORRUPT, "/sbin/gkernel begins at cluster 268369920, not one of 2 to 66001");
    disk_poke32(&disk, file_entry + 28, 0); // an empty file's cluster means nothing
    expect_sound();
    disk_poke(&disk, directory_entry + 26, &low, 2);
    expect(STATUS_CORRUPT, "/sbin begins at cluster 0, not one of 2 to 66001");
}

// A path longer than what a message holds keeps its end.
static void test_long_path_in_a_message(void **state) {
    (void)state;
    disk_run(
        &disk,
        "d=; for i in $(seq 12); do d=$d/long-directory-$i; mmd -i image ::$d || exit 1; done");
    char path[300] = "";
    for (unsigned i = 1; i <= 12; i++)
        snprintf(path + strlen(path), 32, "/long-directory-%u", i);
    strcat(path, "/missing");
    assert_int_equal(fat32_mount(&volume, &disk.reader), STATUS_OK);
    struct fat32_file file;
    assert_int_equal(fat32_open(&volume, path, &file), STATUS_NOT_FOUND);
    assert_non_null(strstr(fat32_error_text(&volume), "there is no missing in ..."));
    assert_non_null(strstr(fat32_error_text(&volume), "/long-directory-11/long-directory-12"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(test_wrong_fields_of_the_first_sector),
        TEST(test_other_file_systems),
        TEST(test_any_byte_of_the_first_sector),
        TEST(test_image_cut_short),
        TEST(test_failing_reads),
        TEST(test_wild_clusters),
        TEST(test_size_contradicts_the_chain),
        TEST(test_circles),
        TEST(test_directories_in_circles),
        TEST(test_directory_in_itself),
        TEST(test_entries_that_begin_nowhere),
        TEST(test_long_path_in_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
