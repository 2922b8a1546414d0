// Symbols of a file made by hand, and of hostile ones.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libs/elf/symbol.h"

// A sound file made by hand. The numbers are offsets of the specification's tables.
#define HEADERS 0x40u       // of four sections: none, code, data, and
#define TABLE_HEADER 0x100u // the symbol table's, then
#define NAMES_HEADER 0x140u // the string table's
#define TABLE 0x180u
#define SYMBOLS 14u
#define NAMES (TABLE + SYMBOLS * 24u)
#define NAMES_SIZE 0x80u
#define FILE_SIZE (NAMES + NAMES_SIZE)
#define CODE 0x10000u
#define DATA 0x20000u

#define LABEL 0u
#define OBJECT 1u
#define FUNCTION 2u
#define FILE_NAME 4u
#define GLOBAL 0x10u
#define WEAK 0x20u

static _Alignas(8) uint8_t file[FILE_SIZE];
static unsigned symbols;
static size_t names; // bytes of them so far

static void put(unsigned at, uint64_t value, unsigned size) { memcpy(file + at, &value, size); }

static void put_section(unsigned at, uint32_t type, uint64_t flags, uint64_t address,
                        uint64_t offset, uint64_t size) {
    put(at + 4, type, 4);
    put(at + 8, flags, 8);
    put(at + 16, address, 8);
    put(at + 24, offset, 8);
    put(at + 32, size, 8);
}

static void put_symbol(const char *name, unsigned info, unsigned section, uint64_t value,
                       uint64_t size) {
    unsigned at = TABLE + symbols++ * 24;
    put(at, names, 4);
    put(at + 4, info, 1);
    put(at + 6, section, 2);
    put(at + 8, value, 8);
    put(at + 16, size, 8);
    size_t length = strlen(name) + 1;
    assert_in_range(names + length, 1, NAMES_SIZE);
    memcpy(file + NAMES + names, name, length);
    names += length;
}

static int make(void **state) {
    (void)state;
    memset(file, 0, sizeof(file));
    memcpy(file, "\177ELF\2\1\1", 7);
    put(16, 2, 2);       // type: executable
    put(40, HEADERS, 8); // section headers
    put(58, 64, 2);      // their size
    put(60, 5, 2);       // and count
    put_section(HEADERS + 64, 1, 6, CODE, 0, 0x1000);
    put_section(HEADERS + 128, 1, 3, DATA, 0, 0x1000);
    put_section(TABLE_HEADER, 2, 0, 0, TABLE, NAMES - TABLE);
    put(TABLE_HEADER + 40, 4, 4);  // its names' section
    put(TABLE_HEADER + 56, 24, 8); // a symbol's size
    put_section(NAMES_HEADER, 3, 0, 0, NAMES, NAMES_SIZE);
    symbols = 0;
    names = 0;
    put_symbol("", 0, 0, 0, 0);
    put_symbol("code.c", FILE_NAME, 1, CODE + 0x110, 0);
    put_symbol("$x", LABEL, 1, CODE + 0x100, 0);
    put_symbol("later", FUNCTION, 1, CODE + 0x800, 0x40);
    put_symbol(".Llocal", LABEL, 1, CODE + 0x108, 0);
    put_symbol("", LABEL, 1, CODE + 0x10c, 0);
    put_symbol("absolute", LABEL | GLOBAL, 0xfff1, CODE + 0x120, 0);
    put_symbol("label", LABEL | GLOBAL, 1, CODE + 0x200, 0);
    put_symbol("first", FUNCTION | GLOBAL, 1, CODE + 0x100, 0x20);
    put_symbol("function", FUNCTION, 1, CODE + 0x200, 8);
    put_symbol("alias", FUNCTION | WEAK, 1, CODE + 0x200, 8);
    put_symbol("constant", OBJECT, 1, CODE + 0x208, 8);
    put_symbol("data", LABEL | GLOBAL, 2, DATA, 0);
    put_symbol("below", FUNCTION, 1, CODE - 0x100, 0x1000);
    assert_int_equal(symbols, SYMBOLS);
    return 0;
}

static void expect_at(uint64_t address, const char *name, uint64_t offset) {
    uint64_t found = 0;
    const char *got = elf_symbol(file, sizeof(file), address, &found);
    assert_string_equal(got ? got : "none", name);
    assert_int_equal(found, offset);
}

// What was put into the file makes all of it one without symbols.
static void expect_none(void) {
    uint64_t offset = 77;
    assert_null(elf_symbol(file, sizeof(file), CODE + 0x210, &offset));
    assert_int_equal(offset, 77);
    make(NULL);
}

static void test_nearest_before_the_address(void **state) {
    (void)state;
    expect_at(CODE + 0x100, "first", 0);
    expect_at(CODE + 0x11f, "first", 0x1f);
    expect_at(CODE + 0x1ff, "first", 0xff); // behind its end: the offset tells
    expect_at(CODE + 0x7ff, "function", 0x5ff);
    expect_at(CODE + 0x800, "later", 0);
    expect_at(CODE + 0xfff, "later", 0x7ff);
}

// The first function of those at one place, whatever labels are before it.
static void test_function_before_label(void **state) {
    (void)state;
    expect_at(CODE + 0x200, "function", 0);
    expect_at(CODE + 0x204, "function", 4);
    put(TABLE + 9 * 24 + 4, OBJECT, 1);
    expect_at(CODE + 0x204, "alias", 4);
    put(TABLE + 10 * 24 + 4, LABEL | WEAK, 1);
    expect_at(CODE + 0x204, "label", 4);
}

static void test_what_is_in_no_code_has_no_symbol(void **state) {
    (void)state;
    const uint64_t addresses[] = {0,    CODE - 1,     CODE,      CODE + 0xff, CODE + 0x1000,
                                  DATA, DATA + 0x204, UINT64_MAX};
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        expect_at(addresses[i], "none", 0);
}

static void test_other_files(void **state) {
    (void)state;
    put(0, 0, 1);
    expect_none();
    put(4, 1, 1); // 32 bit
    expect_none();
    put(5, 2, 1); // big endian
    expect_none();
    put(16, 1, 2); // not linked
    expect_none();
    put(58, 40, 2); // the size of a section header
    expect_none();
}

static void test_wrong_section_headers(void **state) {
    (void)state;
    const uint64_t offsets[] = {FILE_SIZE - 5 * 64 + 8, FILE_SIZE,
                                FILE_SIZE + 8,          HEADERS + 4,
                                UINT64_MAX - 7,         UINT64_MAX - 5 * 64ull + 1};
    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        put(40, offsets[i], 8);
        expect_none();
    }
    const unsigned counts[] = {0, 1, 2, 3, 4, FILE_SIZE / 64, 0xffff};
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        put(60, counts[i], 2);
        expect_none();
    }
    put(HEADERS + 64 + 4, 8, 4); // code that is not in the file
    expect_none();
    put(HEADERS + 64 + 8, 2, 8); // and that is not executable
    expect_none();
    put(HEADERS + 64 + 32, 0x210, 8);
    expect_none();
    put_section(HEADERS + 64, 1, 6, UINT64_MAX - 0xff, 0, UINT64_MAX); // over the end of the space
    expect_none();
}

static void test_wrong_tables(void **state) {
    (void)state;
    const unsigned headers[] = {TABLE_HEADER, NAMES_HEADER};
    for (unsigned i = 0; i < 2; i++) {
        put(headers[i] + 4, 1, 4); // another type
        expect_none();
        put(headers[i] + 24, FILE_SIZE, 8);
        expect_none();
        put(headers[i] + 24, FILE_SIZE + 8, 8);
        expect_none();
        put(headers[i] + 24, UINT64_MAX - 7, 8);
        expect_none();
        put(headers[i] + 32, FILE_SIZE, 8);
        expect_none();
        put(headers[i] + 32, UINT64_MAX, 8);
        expect_none();
        put(headers[i] + 32, 0, 8);
        expect_none();
    }
    put(TABLE_HEADER + 24, TABLE + 4, 8); // not aligned
    put(TABLE_HEADER + 32, 24, 8);
    expect_none();
    put(TABLE_HEADER + 40, 5, 4);
    expect_none();
    put(TABLE_HEADER + 40, UINT32_MAX, 4);
    expect_none();
    const unsigned sizes[] = {0, 16, 32};
    for (unsigned i = 0; i < 3; i++) {
        put(TABLE_HEADER + 56, sizes[i], 8);
        expect_none();
    }
    memcpy(file + HEADERS, file + TABLE_HEADER, 64); // in the section that is none
    put(TABLE_HEADER + 4, 0, 4);
    put(HEADERS + 4, 0, 4);
    expect_none();
    put(FILE_SIZE - 1, 'x', 1); // the names have no end
    expect_none();
    put(TABLE_HEADER + 32, 3 * 24 + 23, 8); // a table that ends within its fourth symbol
    expect_none();
}

// A name that is outside of the string table is none; the symbol before it counts.
static void test_wrong_names(void **state) {
    (void)state;
    const uint32_t wrong[] = {NAMES_SIZE, NAMES_SIZE + 1, UINT32_MAX};
    for (unsigned i = 0; i < 3; i++) {
        put(TABLE + 9 * 24, wrong[i], 4);
        put(TABLE + 10 * 24, wrong[i], 4);
        expect_at(CODE + 0x204, "label", 4);
        put(TABLE + 7 * 24, wrong[i], 4);
        expect_at(CODE + 0x204, "first", 0x104);
        make(NULL);
    }
    put(TABLE + 9 * 24, NAMES_SIZE - 2, 4);
    put(NAMES + NAMES_SIZE - 2, 'z', 1);
    expect_at(CODE + 0x204, "z", 4);
}

// Every shorter part of the file is without symbols, and none is read beyond.
static void test_file_cut_short(void **state) {
    (void)state;
    for (size_t size = 1; size < FILE_SIZE; size++) {
        uint8_t *part = malloc(size); // the address sanitizer watches its end
        memcpy(part, file, size);
        uint64_t offset;
        assert_null(elf_symbol(part, size, CODE + 0x210, &offset));
        free(part);
    }
    uint8_t *moved = malloc(FILE_SIZE + 1); // at an address that is not aligned
    memcpy(moved + 1, file, FILE_SIZE);
    uint64_t offset;
    assert_null(elf_symbol(moved + 1, FILE_SIZE, CODE + 0x210, &offset));
    free(moved);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nearest_before_the_address, make),
        cmocka_unit_test_setup(test_function_before_label, make),
        cmocka_unit_test_setup(test_what_is_in_no_code_has_no_symbol, make),
        cmocka_unit_test_setup(test_other_files, make),
        cmocka_unit_test_setup(test_wrong_section_headers, make),
        cmocka_unit_test_setup(test_wrong_tables, make),
        cmocka_unit_test_setup(test_wrong_names, make),
        cmocka_unit_test_setup(test_file_cut_short, make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
