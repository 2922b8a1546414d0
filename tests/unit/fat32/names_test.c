// Names: long and 8.3, any case, any script, and entries that only look like names.

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

static struct disk disk;
static struct fat32 volume;

static int make(void **state) {
    (void)state;
    disk_make(&disk, 512, 8, 66000);
    return 0;
}

static int drop(void **state) {
    (void)state;
    disk_remove(&disk);
    return 0;
}

static void mount(void) {
    if (fat32_mount(&volume, &disk.reader) != STATUS_OK)
        fail_msg("%s", fat32_error_text(&volume));
}

static void expect_missing(const char *path) {
    struct fat32_file file;
    if (fat32_open(&volume, path, &file) != STATUS_NOT_FOUND)
        fail_msg("%s was found", path);
}

static void expect_invalid(const char *path, const char *text) {
    struct fat32_file file;
    assert_int_equal(fat32_open(&volume, path, &file), STATUS_INVALID);
    assert_string_equal(fat32_error_text(&volume), text);
}

static void test_case_does_not_matter(void **state) {
    (void)state;
    disk_run(&disk, "mmd -i image ::/sbin ::/UPPER ::/MixedCase");
    disk_put(&disk, "/sbin/gkernel", 1, 10);
    disk_put(&disk, "/UPPER/FILE.TXT", 2, 20);
    disk_put(&disk, "/MixedCase/Some.Long.Name", 3, 30);
    disk_put(&disk, "/lower.TXT", 4, 40); // kept as 8.3 with a flag by Windows NT
    mount();
    disk_expect(&volume, "/sbin/gkernel", 1, 10, 100);
    disk_expect(&volume, "/SBIN/GKERNEL", 1, 10, 100);
    disk_expect(&volume, "/Sbin/gKernel", 1, 10, 100);
    disk_expect(&volume, "/upper/file.txt", 2, 20, 100);
    disk_expect(&volume, "/mixedcase/some.long.name", 3, 30, 100);
    disk_expect(&volume, "/MIXEDCASE/SOME.LONG.NAME", 3, 30, 100);
    disk_expect(&volume, "/Lower.Txt", 4, 40, 100);
    disk_expect(&volume, "//sbin///gkernel", 1, 10, 100);
    expect_missing("/sbin/gkerne");
    expect_missing("/sbin/gkernel1");
    expect_missing("/sbin/gkernel.");
    expect_missing("/sbin/.gkernel");
    expect_missing("/sbin/g kernel");
    expect_missing("/UPPER/FILETXT");
    expect_missing("/UPPER/FILE.TX");
    expect_missing("/UPPER/FILE.TXTT");
    expect_missing("/UPPER/FILE   .TXT");
    expect_missing("/mixedcase/some.long.nam");
    expect_missing("/mixedcase/some.long.name1");
}

// Lengths around the 13 units that one entry of a long name holds, and the longest name there can
// be.
static void test_length_of_long_names(void **state) {
    (void)state;
    static const unsigned lengths[] = {12, 13, 14, 25, 26, 27, 39, 128, 247, 254, 255};
    char path[300] = "/";
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (unsigned j = 0; j < lengths[i]; j++)
            path[1 + j] = (char)('a' + (j * 7 + lengths[i]) % 26);
        path[1 + lengths[i]] = '\0';
        disk_put(&disk, path, lengths[i], 100 + lengths[i]);
        mount();
        disk_expect(&volume, path, lengths[i], 100 + lengths[i], 1000);
        path[lengths[i]] ^= 1;
        expect_missing(path);
        path[lengths[i]] = '\0';
        expect_missing(path);
    }
    memset(path + 1, 'x', 256);
    path[257] = '\0';
    struct fat32_file file;
    assert_int_equal(fat32_open(&volume, path, &file), STATUS_INVALID);
}

static void test_short_alias(void **state) {
    (void)state;
    disk_put(&disk, "/a name too long for older systems.text", 1, 100);
    mount();
    char listing[200];
    disk_ask(&disk, listing, sizeof(listing), "mdir -i image ::/ | grep 'too long' | cut -c1-12");
    assert_string_equal(listing, "ANAMET~1 TEX\n"); // what mtools named it
    disk_expect(&volume, "/anamet~1.tex", 1, 100, 100);
    expect_missing("/anamet~2.tex");
}

static void test_other_scripts(void **state) {
    (void)state;
    static const char *const names[] = {
        "/größe.txt",      "/ΩΜΈΓΑ и Кириллица",
        "/中文文件名.bin", "/Žluťoučký kůň úpěl ďábelské ódy",
        "/õöüÇ.äé",        "/ÕÕ",
    };
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        disk_put(&disk, names[i], i, 50 + i);
    mount();
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        disk_expect(&volume, names[i], i, 50 + i, 100);
    disk_expect(&volume, "/GRÖßE.TXT", 0, 50, 100);
    disk_expect(&volume, "/ωμΈγα И кИРИЛЛИЦА", 1, 51, 100);
    disk_expect(&volume, "/ŽLUŤOUČKÝ KŮŇ ÚPĚL ĎÁBELSKÉ ÓDY", 3, 53, 100);
    disk_expect(&volume, "/ÕÖÜç.Äé", 4, 54, 100);
    disk_expect(&volume, "/õõ", 5, 55, 100);
    expect_missing("/grosse.txt");
    expect_missing("/中文文件名");
}

// Searches the image's beginning for BYTES.
static uint64_t find(const void *bytes, size_t size) {
    static uint8_t image[4 * 1024 * 1024];
    assert_int_equal(pread(disk.image, image, sizeof(image), 0), sizeof(image));
    for (uint64_t at = 0; at + size <= sizeof(image); at++) {
        if (memcmp(image + at, bytes, size) == 0)
            return at;
    }
    fail_msg("the image does not hold what is looked for");
    return 0;
}

// A character outside of the basic plane is stored as two units. mtools does not know them, so the
// name is written by hand over another's: "😀.txt" is d83d de00 002e 0074 0078 0074.
static void test_surrogate_pair(void **state) {
    (void)state;
    disk_put(&disk, "/zz.txt long", 1, 100);
    static const uint8_t old[] = {'z', 0, 'z', 0, '.', 0, 't', 0, 'x', 0};
    static const uint8_t new[] = {0x3d, 0xd8, 0x00, 0xde, '.', 0, 't', 0, 'x', 0};
    disk_poke(&disk, find(old, sizeof(old)), new, sizeof(new));
    mount();
    disk_expect(&volume, "/😀.txt long", 1, 100, 100);
    expect_missing("/😁.txt long");
}

// A long name whose checksum is another's belongs to nobody; the file still has its short name.
static void test_orphaned_long_name(void **state) {
    (void)state;
    disk_put(&disk, "/orphaned long name", 1, 100);
    mount();
    disk_expect(&volume, "/orphaned long name", 1, 100, 100);
    uint64_t entry = find("ORPHAN~1   ", 11);
    disk_poke(&disk, entry, "RENAMED ", 8);
    mount();
    expect_missing("/orphaned long name");
    expect_missing("/orphan~1");
    disk_expect(&volume, "/renamed", 1, 100, 100);
}

// Parts of a long name out of order, missing, or with one of another name among them.
static void test_broken_long_name(void **state) {
    (void)state;
    disk_put(&disk, "/a long name that takes four parts, not three", 1, 100);
    mount();
    disk_expect(&volume, "/a long name that takes four parts, not three", 1, 100, 100);
    uint64_t entry = find("ALONGN~1   ", 11); // its parts 1 to 4 are the entries before it
    static const struct {
        unsigned part, offset;
        uint8_t value;
    } changes[] = {
        {1, 0, 2},    {1, 0, 0x40}, {1, 0, 0x41},  {2, 0, 1},  {2, 0, 0xe5},
        {2, 13, 0},   {3, 0, 4},    {3, 11, 0x20}, {4, 0, 4},  {4, 0, 0x45},
        {4, 0, 0x40}, {4, 0, 0x7f}, {1, 13, 1},    {4, 13, 1},
    };
    for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        uint64_t at = entry - 32 * changes[i].part + changes[i].offset;
        uint8_t old;
        assert_int_equal(pread(disk.image, &old, 1, (off_t)at), 1);
        assert_int_not_equal(old, changes[i].value);
        disk_poke(&disk, at, &changes[i].value, 1);
        mount();
        expect_missing("/a long name that takes four parts, not three");
        disk_expect(&volume, "/ALONGN~1", 1, 100, 100);
        disk_poke(&disk, at, &old, 1);
    }
    mount();
    disk_expect(&volume, "/a long name that takes four parts, not three", 1, 100, 100);
}

// The volume's label and deleted files have entries too, but are no files.
static void test_entries_that_are_no_files(void **state) {
    (void)state;
    disk_put(&disk, "/deleted", 1, 100);
    disk_put(&disk, "/deleted and long", 1, 100);
    disk_put(&disk, "/kept", 1, 100);
    disk_run(&disk, "mlabel -i image ::EXEUNT && mdel -i image ::/deleted '::/deleted and long'");
    mount();
    expect_missing("/exeunt");
    expect_missing("/deleted");
    expect_missing("/deleted and long");
    disk_expect(&volume, "/kept", 1, 100, 100);
}

static void test_wrong_paths(void **state) {
    (void)state;
    disk_run(&disk, "mmd -i image ::/sbin");
    disk_put(&disk, "/sbin/init", 1, 100);
    mount();
    expect_invalid("", "the path  does not begin with /");
    expect_invalid("sbin/init", "the path sbin/init does not begin with /");
    expect_invalid("/", "/ is a directory, not a file");
    expect_invalid("/sbin", "/sbin is a directory, not a file");
    expect_invalid("/sbin/init/", "/sbin/init is a file, not a directory");
    expect_invalid("/sbin/init/x", "/sbin/init is a file, not a directory");
    expect_invalid("/sbin/../sbin/init", "the path /sbin/../sbin/init must do without . and ..");
    expect_invalid("/./sbin/init", "the path /./sbin/init must do without . and ..");
    static const char *const ill_formed[] = {
        "/\x80", "/\xc0\xaf", "/\xe2\x82", "/\xed\xa0\x80", "/\xf4\x90\x80\x80", "/\xff", "/a\xc3"};
    for (unsigned i = 0; i < sizeof(ill_formed) / sizeof(ill_formed[0]); i++) {
        struct fat32_file file;
        assert_int_equal(fat32_open(&volume, ill_formed[i], &file), STATUS_INVALID);
    }
    expect_missing("/nothing");
    assert_string_equal(fat32_error_text(&volume), "there is no nothing in /");
    expect_missing("/sbin/gkernel");
    assert_string_equal(fat32_error_text(&volume), "there is no gkernel in /sbin");
    expect_missing("/usr/sbin/gkernel");
    assert_string_equal(fat32_error_text(&volume), "there is no usr in /");
    expect_missing("/sbin/*");
    expect_missing("/sbin/ini?");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(test_case_does_not_matter), TEST(test_length_of_long_names),
        TEST(test_short_alias),          TEST(test_other_scripts),
        TEST(test_surrogate_pair),       TEST(test_orphaned_long_name),
        TEST(test_broken_long_name),     TEST(test_entries_that_are_no_files),
        TEST(test_wrong_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
