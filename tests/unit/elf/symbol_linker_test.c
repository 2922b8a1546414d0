// Symbols of files as clang and lld make them, compared with what llvm-nm says, at all addresses.

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libs/elf/symbol.h"

// Functions of both bindings, labels in and between them, data, padding, two sections of code.
static const char source[] =
    "{ for i in $(seq 150); do"
    " echo \"__attribute__((noinline)) static int s$i(int x) { return x * $i + 1; }\";"
    " echo \"__attribute__((aligned(32))) int g$i(int x) { return s$i(x) ^ x; }\"; done;"
    " echo '__attribute__((section(\".apart\"))) int apart(int x) { return x + 7; }';"
    " echo '__attribute__((weak, section(\".apart\"))) int weak(int x) { return x + 9; }';"
    " echo 'int data[4] = {1}; int bss[9]; int _start(void) { return g1(data[1]) + bss[2]; }';"
    " echo '__asm__(\".globl assembly; assembly: .4byte 0, 0; within: .4byte 0;"
    " .Lhidden: .4byte 0; .data; place: .4byte 7; .text\");'; } > a.c";

struct known {
    unsigned long long address;
    char name[40];
};

struct range {
    unsigned long long address, size;
};

static struct known known[2000];
static struct range code[4];
static unsigned known_count, code_count;

static FILE *open_in(const char *folder, const char *name) {
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *input = fopen(path, "r");
    assert_non_null(input);
    return input;
}

// What llvm-nm says of code, ascending, and llvm-readelf of the sections that hold it.
static void read_oracle(const char *folder) {
    char line[200], kind, flags[8];
    known_count = code_count = 0;
    FILE *input = open_in(folder, "symbols");
    while (fgets(line, sizeof(line), input) != NULL) {
        struct known *next = &known[known_count];
        if (sscanf(line, "%llx %c %39s", &next->address, &kind, next->name) == 3 &&
            strchr("tTW", kind) != NULL && strchr("$.", next->name[0]) == NULL)
            assert_in_range(++known_count, 1, 1999);
    }
    fclose(input);
    input = open_in(folder, "sections");
    while (fgets(line, sizeof(line), input) != NULL) {
        struct range *next = &code[code_count];
        if (sscanf(line, " [%*u] %*s PROGBITS %llx %*x %llx %*x %7s", &next->address, &next->size,
                   flags) == 3 &&
            strcmp(flags, "AX") == 0)
            assert_in_range(++code_count, 1, 3);
    }
    fclose(input);
}

static bool is_known(uint64_t address, const char *name) {
    for (unsigned i = 0; i < known_count; i++) {
        if (known[i].address == address && strcmp(known[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool is_code(uint64_t address) {
    for (unsigned i = 0; i < code_count; i++) {
        if (address >= code[i].address && address < code[i].address + code[i].size)
            return true;
    }
    return false;
}

// All addresses of a section, and one before and one behind it, if there is no other.
static unsigned compare_range(const void *content, size_t size, const struct range *range) {
    unsigned next = 0, found = 0;
    uint64_t offset = 0;
    const uint64_t outside[] = {range->address - 1, range->address + range->size};
    for (unsigned i = 0; i < 2; i++)
        assert_true(is_code(outside[i]) || !elf_symbol(content, size, outside[i], &offset));
    while (known[next].address < range->address)
        next++;
    for (uint64_t at = range->address; at < range->address + range->size; at++) {
        while (next < known_count && known[next].address <= at)
            next++;
        const char *name = elf_symbol(content, size, at, &offset);
        if (next == 0 || known[next - 1].address < range->address) {
            assert_null(name);
            continue;
        }
        assert_non_null(name);
        assert_int_equal(at - offset, known[next - 1].address);
        assert_true(is_known(at - offset, name));
        found += offset == 0;
    }
    return found;
}

static void compare_with_nm(const char *target) {
    char folder[] = "/tmp/symbol-test-XXXXXX", line[2000];
    assert_non_null(mkdtemp(folder));
    snprintf(line, sizeof(line),
             "cd %s && %s && clang-19 --target=%s -O1 -g -ffreestanding -nostdlib -static"
             " -fuse-ld=lld a.c -o a && llvm-objcopy-19 --strip-debug --discard-locals a &&"
             " llvm-nm-19 -n a > symbols && llvm-readelf-19 -SW a > sections",
             folder, source, target);
    assert_int_equal(system(line), 0);
    static _Alignas(8) uint8_t content[1 << 20];
    FILE *input = open_in(folder, "a");
    size_t size = fread(content, 1, sizeof(content), input);
    fclose(input);
    read_oracle(folder);
    assert_int_equal(code_count, 2);
    unsigned found = 0;
    for (unsigned i = 0; i < code_count; i++)
        found += compare_range(content, size, &code[i]);
    assert_int_equal(found, known_count);
    assert_int_equal(known_count, 2 * 150 + 5);
    snprintf(line, sizeof(line), "rm -r %s", folder);
    assert_int_equal(system(line), 0);
}

static void test_files_of_the_linker(void **state) {
    (void)state;
    compare_with_nm("riscv64-unknown-elf");
    compare_with_nm("aarch64-none-elf");
    compare_with_nm("x86_64-linux-gnu");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_of_the_linker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
