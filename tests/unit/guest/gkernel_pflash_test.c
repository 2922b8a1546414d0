// gkernel finds the flash's files as the image's format says, and believes nothing in it that is
// damaged.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest/gkernel/pflash.h"

#define PAGE 4096u
#define BANK_SIZE (8 * PAGE)
#define TABLE 16
#define ENTRY 48

static uint8_t bank[BANK_SIZE];

// CRC-32 by its definition (polynomial division, a bit at a time), apart from gkernel's.
static uint32_t crc_of(const uint8_t *bytes, size_t size) {
    uint32_t crc = UINT32_MAX;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        const uint32_t in = bytes[bit / 8] >> bit % 8 & 1;
        const uint32_t out = (crc ^ in) & 1;
        crc = crc >> 1 ^ (out ? 0xedb88320 : 0);
    }
    return ~crc;
}

static void put32(size_t at, uint32_t value) {
    for (unsigned i = 0; i < 4; i++)
        bank[at + i] = (uint8_t)(value >> 8 * i);
}

static size_t entry_at(unsigned index) { return TABLE + (size_t)index * ENTRY; }

static void seal(unsigned count) { put32(12, crc_of(bank + TABLE, (size_t)count * ENTRY)); }

static void put_entry(unsigned index, const char *name, uint32_t offset, uint32_t length) {
    const size_t at = entry_at(index);
    memset(bank + at, 0, ENTRY);
    memcpy(bank + at, name, strlen(name));
    put32(at + 32, offset);
    put32(at + 36, length);
    put32(at + 40, crc_of(bank + offset, length));
}

// Three files: a short one, one of whole pages, and one that ends with the bank.
static int make(void **state) {
    (void)state;
    for (size_t i = 0; i < BANK_SIZE; i++)
        bank[i] = (uint8_t)(i * 31 + i / 256);
    memcpy(bank, "pfld", 4);
    put32(4, 1);
    put32(8, 3);
    put_entry(0, "hello", PAGE, 5);
    put_entry(1, "a-name-of-thirty-one-characters", 2 * PAGE, 2 * PAGE);
    put_entry(2, "last", 5 * PAGE, 3 * PAGE);
    seal(3);
    return 0;
}

static void expect_file(const char *name, uint32_t offset, uint32_t length) {
    struct pflash_file file;
    assert_int_equal(pflash_find(name, &file), PFLASH_FOUND);
    assert_string_equal(file.name, name);
    assert_ptr_equal(file.data, bank + offset);
    assert_int_equal(file.size, length);
}

static void test_files_are_found_by_name(void **state) {
    (void)state;
    struct pflash_file file;
    assert_null(pflash_open(bank, BANK_SIZE));
    assert_int_equal(pflash_count(), 3);
    assert_string_equal(pflash_name(0), "hello");
    assert_string_equal(pflash_name(2), "last");
    expect_file("hello", PAGE, 5);
    expect_file("a-name-of-thirty-one-characters", 2 * PAGE, 2 * PAGE);
    expect_file("last", 5 * PAGE, 3 * PAGE);
    assert_int_equal(pflash_find("", &file), PFLASH_NOT_FOUND);
    assert_int_equal(pflash_find("hell", &file), PFLASH_NOT_FOUND);
    assert_int_equal(pflash_find("hello2", &file), PFLASH_NOT_FOUND);
    assert_int_equal(pflash_find("a-name-of-thirty-one-characters-and-more", &file),
                     PFLASH_NOT_FOUND);
}

// Any bit of a file, and only that file.
static void test_a_damaged_file_is_refused_alone(void **state) {
    (void)state;
    struct pflash_file file;
    assert_null(pflash_open(bank, BANK_SIZE));
    for (size_t bit = 0; bit < 5 * 8; bit++) {
        bank[PAGE + bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(pflash_find("hello", &file), PFLASH_DAMAGED);
        expect_file("last", 5 * PAGE, 3 * PAGE);
        bank[PAGE + bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    expect_file("hello", PAGE, 5);
    bank[8 * PAGE - 1] ^= 0x80;
    assert_int_equal(pflash_find("last", &file), PFLASH_DAMAGED);
    // Bytes that are nobody's do not matter.
    bank[PAGE + 5] ^= 1;
    bank[4 * PAGE] ^= 1;
    expect_file("hello", PAGE, 5);
}

// Any bit of header and table.
static void test_a_damaged_table_is_refused(void **state) {
    (void)state;
    struct pflash_file file;
    for (size_t bit = 0; bit < (size_t)8 * (TABLE + 3 * ENTRY); bit++) {
        make(NULL);
        assert_null(pflash_open(bank, BANK_SIZE));
        bank[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_non_null(pflash_open(bank, BANK_SIZE));
        assert_int_equal(pflash_count(), 0);
        assert_int_equal(pflash_find("hello", &file), PFLASH_NOT_FOUND);
    }
}

static void expect_wrong(const char *message) {
    const char *wrong = pflash_open(bank, BANK_SIZE);
    assert_non_null(wrong);
    assert_string_equal(wrong, message);
    assert_int_equal(pflash_count(), 0);
    make(NULL);
}

// With a CRC that is right: whoever writes an image can make one.
static void test_what_is_wrong_is_said(void **state) {
    (void)state;
    static const struct {
        unsigned entry, field;
        uint32_t value;
        const char *message;
    } fields[] = {
        {0, 0, 0, "a file's name is empty or has no end"},
        {1, 28, 0x78787878, "a file's name is empty or has no end"},
        {0, 32, PAGE + 1, "a file is not at a page of its own"},
        {0, 32, 0, "a file is not at a page of its own"},
        {2, 32, 9 * PAGE, "a file reaches beyond the end of the flash"},
        {2, 32, 8 * PAGE, "a file reaches beyond the end of the flash"},
        {2, 32, 0xfffff000, "a file reaches beyond the end of the flash"},
        {2, 36, 3 * PAGE + 1, "a file reaches beyond the end of the flash"},
        {2, 36, 0xffffffff, "a file reaches beyond the end of the flash"},
        {1, 36, 0, "a file is empty"},
        {1, 44, 1, "a reserved field is not zero"},
    };
    make(NULL);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        put32(entry_at(fields[i].entry) + fields[i].field, fields[i].value);
        seal(3);
        expect_wrong(fields[i].message);
    }
    put_entry(2, "hello", 5 * PAGE, 1);
    seal(3);
    expect_wrong("two files have the same name");
    bank[0] = 'P';
    expect_wrong("there is no image in it");
    put32(4, 2);
    expect_wrong("the image is of another version");
    put32(8, 0);
    expect_wrong("the number of files is not between 1 and 64");
    put32(8, 65);
    expect_wrong("the number of files is not between 1 and 64");
    put32(8, UINT32_MAX);
    expect_wrong("the number of files is not between 1 and 64");
    put32(12, 0);
    expect_wrong("the table is damaged (CRC)");
}

static void test_a_bank_that_is_too_small(void **state) {
    (void)state;
    // What is behind the end is watched by the address sanitizer.
    for (size_t size = 0; size <= TABLE + 3 * ENTRY; size++) {
        uint8_t *cut = malloc(size);
        memcpy(cut, bank, size);
        assert_non_null(pflash_open(cut, size));
        assert_int_equal(pflash_count(), 0);
        free(cut);
    }
}

static void test_as_many_files_as_there_may_be(void **state) {
    (void)state;
    char name[3] = "aa";
    put32(8, PFLASH_FILES_MAX);
    for (unsigned i = 0; i < PFLASH_FILES_MAX; i++) {
        name[0] = (char)('a' + i / 26);
        name[1] = (char)('a' + i % 26);
        put_entry(i, name, PAGE, 5);
    }
    seal(PFLASH_FILES_MAX);
    assert_null(pflash_open(bank, BANK_SIZE));
    assert_int_equal(pflash_count(), PFLASH_FILES_MAX);
    expect_file("cl", PAGE, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_files_are_found_by_name, make),
        cmocka_unit_test_setup(test_a_damaged_file_is_refused_alone, make),
        cmocka_unit_test_setup(test_a_damaged_table_is_refused, make),
        cmocka_unit_test_setup(test_what_is_wrong_is_said, make),
        cmocka_unit_test_setup(test_a_bank_that_is_too_small, make),
        cmocka_unit_test_setup(test_as_many_files_as_there_may_be, make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
