// ELF files as the linker makes them, compared with what readelf says of them, and broken ones.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libs/elf/elf.h"

// A sound file made by hand: a header, two segments, 0x2000 bytes in all. The numbers are offsets
// of the specification's tables.
#define FILE_SIZE 0x2000u
#define FIRST 64u          // the first program header
#define SECOND (64u + 56u) // and the second

static uint8_t file[FILE_SIZE];

static void put(unsigned at, uint64_t value, unsigned size) { memcpy(file + at, &value, size); }

static void put_segment(unsigned at, uint32_t flags, uint64_t offset, uint64_t address,
                        uint64_t file_size, uint64_t memory_size) {
    put(at, 1, 4);
    put(at + 4, flags, 4);
    put(at + 8, offset, 8);
    put(at + 16, address, 8);
    put(at + 24, address + 0x40000000, 8);
    put(at + 32, file_size, 8);
    put(at + 40, memory_size, 8);
    put(at + 48, 0x1000, 8);
}

static int make(void **state) {
    (void)state;
    memset(file, 0, sizeof(file));
    memcpy(file, "\177ELF\2\1\1", 7);
    put(16, 2, 2);       // type: executable
    put(18, 243, 2);     // machine
    put(20, 1, 4);       // version
    put(24, 0x10010, 8); // entry
    put(32, FIRST, 8);   // program headers
    put(52, 64, 2);      // header size
    put(54, 56, 2);      // program header size
    put(56, 2, 2);       // and count
    put_segment(FIRST, 5, 0, 0x10000, 0x1800, 0x1800);
    put_segment(SECOND, 6, 0x1800, 0x12800, 0x100, 0x3000);
    return 0;
}

static struct elf_image image;
static const char *why;

static enum status open_file(void) {
    why = NULL;
    return elf_open(file, sizeof(file), sizeof(file), ELF_MACHINE_RISCV, &image, &why);
}

static void expect(enum status status, const char *text) {
    enum status got = open_file();
    assert_string_equal(why ? why : "", text);
    assert_int_equal(got, status);
    make(NULL);
}

static void test_sound_file(void **state) {
    (void)state;
    assert_int_equal(open_file(), STATUS_OK);
    assert_int_equal(image.segment_count, 2);
    assert_int_equal(image.entry, 0x10010);
    struct elf_segment segment = elf_segment(&image, 1);
    assert_int_equal(segment.virtual_address, 0x12800);
    assert_int_equal(segment.physical_address, 0x40012800);
    assert_int_equal(segment.file_offset, 0x1800);
    assert_int_equal(segment.file_size, 0x100);
    assert_int_equal(segment.memory_size, 0x3000);
    assert_int_equal(segment.flags, ELF_READ | ELF_WRITE);
    // The headers alone are enough, if the file is as long as it says.
    assert_int_equal(elf_open(file, 64 + 2 * 56, FILE_SIZE, ELF_MACHINE_RISCV, &image, &why),
                     STATUS_OK);
    assert_int_equal(elf_open(file, 64 + 2 * 56 - 1, FILE_SIZE, ELF_MACHINE_RISCV, &image, &why),
                     STATUS_RANGE);
    assert_string_equal(why, "the ELF file's program headers are not at its beginning");
}

// Headers that are not aligned, segments of other kinds between, and empty ones.
static void test_unusual_but_sound_files(void **state) {
    (void)state;
    put(32, 201, 8);
    put(56, 5, 2);
    memmove(file + 201, file + FIRST, 56);
    memmove(file + 201 + 4 * 56, file + SECOND, 56);
    put(201 + 56, 0x6474e551, 4);     // PT_GNU_STACK
    put(201 + 2 * 56, 1, 4);          // an empty PT_LOAD
    put(201 + 3 * 56, 0x70000003, 4); // PT_RISCV_ATTRIBUTES
    put(201 + 3 * 56 + 32, ~0ull, 8); // whatever it says
    assert_int_equal(open_file(), STATUS_OK);
    assert_int_equal(image.segment_count, 2);
    assert_int_equal(elf_segment(&image, 0).virtual_address, 0x10000);
    assert_int_equal(elf_segment(&image, 1).virtual_address, 0x12800);
}

static void test_wrong_headers(void **state) {
    (void)state;
    file[0] = 0;
    expect(STATUS_UNSUPPORTED, "the file is no ELF file");
    put(4, 1, 1);
    expect(STATUS_UNSUPPORTED, "the ELF file is not a 64 bit one");
    put(5, 2, 1);
    expect(STATUS_UNSUPPORTED, "the ELF file is not little endian");
    put(6, 0, 1);
    expect(STATUS_UNSUPPORTED, "the ELF file has an unknown version");
    put(20, 2, 4);
    expect(STATUS_UNSUPPORTED, "the ELF file has an unknown version");
    put(18, 62, 2);
    expect(STATUS_UNSUPPORTED, "the ELF file is for another architecture");
    put(16, 3, 2);
    expect(STATUS_UNSUPPORTED,
           "the ELF file is position independent: link it for a fixed address (-no-pie)");
    put(16, 1, 2);
    expect(STATUS_UNSUPPORTED,
           "the ELF file is no executable: it was not linked, or is a core dump");
    put(54, 32, 2);
    expect(STATUS_CORRUPT, "the ELF file's program headers have an unknown size");
    put(56, 0, 2);
    expect(STATUS_CORRUPT, "the ELF file has no program headers: nothing to load");
    put(56, 65, 2);
    expect(STATUS_UNSUPPORTED, "the ELF file has more than 64 program headers");
    static const char cut[] = "the ELF file ends before its program headers do: it was cut short";
    put(32, FILE_SIZE - 2 * 56 + 1, 8);
    expect(STATUS_CORRUPT, cut);
    put(32, UINT64_MAX, 8);
    expect(STATUS_CORRUPT, cut);
    put(32, UINT64_MAX - 2 * 56 + 1, 8);
    expect(STATUS_CORRUPT, cut);
}

static void test_wrong_segments(void **state) {
    (void)state;
    static const char larger[] = "a segment of the ELF file is larger in the file than in memory";
    static const char cut[] = "a segment of the ELF file ends behind the file: it was cut short";
    static const char runs_over[] =
        "a segment of the ELF file runs over the end of the address space";
    static const char overlap[] = "the ELF file's segments overlap, or do not ascend";
    static const char entry[] = "the ELF file's entry is in none of its executable segments";
    put(FIRST, 3, 4);
    expect(STATUS_UNSUPPORTED, "the ELF file is dynamically linked: link it with -static");
    put(FIRST + 32, 0x1801, 8);
    expect(STATUS_CORRUPT, larger);
    put(SECOND + 8, 0x1f01, 8);
    expect(STATUS_CORRUPT, cut);
    put(SECOND + 8, UINT64_MAX - 0xff, 8);
    expect(STATUS_CORRUPT, cut);
    put(SECOND + 40, UINT64_MAX, 8);
    expect(STATUS_CORRUPT, runs_over);
    put(SECOND + 16, 0ull - 0x2800, 8);
    expect(STATUS_CORRUPT, runs_over);
    put(SECOND + 24, 0ull - 0x2800, 8);
    expect(STATUS_CORRUPT, runs_over);
    put(SECOND + 48, 0x1001, 8);
    expect(STATUS_CORRUPT, "a segment of the ELF file has an alignment that is no power of two");
    put(SECOND + 16, 0x12900, 8);
    expect(STATUS_CORRUPT,
           "a segment of the ELF file is aligned in memory as it is not in the file");
    put(SECOND + 16, 0x10800, 8);
    expect(STATUS_CORRUPT, overlap);
    put(SECOND + 16, 0x800, 8);
    expect(STATUS_CORRUPT, overlap);
    put(FIRST, 0, 4);
    put(SECOND, 0, 4);
    expect(STATUS_CORRUPT, "the ELF file has no segments: nothing to load");
    put(24, 0xffff, 8);
    expect(STATUS_CORRUPT, entry);
    put(24, 0x11800, 8);
    expect(STATUS_CORRUPT, entry);
    put(24, 0x12800, 8); // in the other one, which is not executable
    expect(STATUS_CORRUPT, entry);
    put(24, 0x40011800, 8);
    expect(STATUS_CORRUPT, entry);
    put(24, 0x40012800, 8);
    expect(STATUS_CORRUPT, entry);
}

// As a kernel has it that starts with translation off.
static void test_entry_by_physical_address(void **state) {
    (void)state;
    put(24, 0x40010010, 8);
    assert_int_equal(open_file(), STATUS_OK);
    assert_int_equal(image.entry, 0x10010);
    put(FIRST + 24, 0x10000 - 0x800, 8); // both are possible: the virtual one it is
    put(24, 0x10010, 8);
    assert_int_equal(open_file(), STATUS_OK);
    assert_int_equal(image.entry, 0x10010);
}

// Every shorter part of the file is refused, and none is read beyond.
static void test_file_cut_short(void **state) {
    (void)state;
    for (size_t size = 0; size < 0x1900; size++) {
        uint8_t *part = malloc(size); // the address sanitizer watches its end
        memcpy(part, file, size);
        assert_int_not_equal(elf_open(part, size, size, ELF_MACHINE_RISCV, &image, &why),
                             STATUS_OK);
        free(part);
    }
    assert_int_equal(elf_open(file, 0x1900, 0x1900, ELF_MACHINE_RISCV, &image, &why), STATUS_OK);
}

// What clang and lld make, against llvm-readelf.
static void compare_with_readelf(const char *target, const char *flags, uint16_t machine) {
    char folder[] = "/tmp/elf-test-XXXXXX", line[600], path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(
        line, sizeof(line),
        "cd %s && printf '%%s\\n' 'int data = 1; int bss[5000]; const char text[9000] = \"x\";'"
        " 'int _start(void) { return data + bss[7] + text[7]; }' > a.c && "
        "clang-19 --target=%s -O1 -ffreestanding -nostdlib -static -fuse-ld=lld %s a.c -o a &&"
        " llvm-readelf-19 -hlW a > headers",
        folder, target, flags);
    assert_int_equal(system(line), 0);
    static uint8_t content[1 << 20];
    snprintf(path, sizeof(path), "%s/a", folder);
    FILE *input = fopen(path, "rb");
    assert_non_null(input);
    size_t size = fread(content, 1, sizeof(content), input);
    fclose(input);
    if (elf_open(content, ELF_HEADERS_SIZE, size, machine, &image, &why) != STATUS_OK)
        fail_msg("%s: %s", target, why);
    snprintf(path, sizeof(path), "%s/headers", folder);
    input = fopen(path, "r");
    assert_non_null(input);
    unsigned count = 0;
    while (fgets(line, sizeof(line), input) != NULL) {
        unsigned long long entry, offset, virtual, physical, in_file, in_memory;
        char rights[4];
        if (sscanf(line, " Entry point address: %llx", &entry) == 1)
            assert_int_equal(image.entry, entry);
        if (sscanf(line, " LOAD %llx %llx %llx %llx %llx %3c", &offset, &virtual, &physical,
                   &in_file, &in_memory, rights) != 6)
            continue;
        struct elf_segment segment = elf_segment(&image, count++);
        assert_int_equal(segment.file_offset, offset);
        assert_int_equal(segment.virtual_address, virtual);
        assert_int_equal(segment.physical_address, physical);
        assert_int_equal(segment.file_size, in_file);
        assert_int_equal(segment.memory_size, in_memory);
        assert_int_equal(segment.flags, (rights[0] == 'R' ? ELF_READ : 0) |
                                            (rights[1] == 'W' ? ELF_WRITE : 0) |
                                            (rights[2] == 'E' ? ELF_EXECUTE : 0));
    }
    fclose(input);
    assert_in_range(count, 3, 5);
    assert_int_equal(image.segment_count, count);
    snprintf(line, sizeof(line), "rm -r %s", folder);
    assert_int_equal(system(line), 0);
}

static void test_files_of_the_linker(void **state) {
    (void)state;
    compare_with_readelf("riscv64-unknown-elf", "", ELF_MACHINE_RISCV);
    compare_with_readelf("riscv64-unknown-elf", "-mcmodel=medany -Wl,-Ttext=0x80200000",
                         ELF_MACHINE_RISCV);
    compare_with_readelf("aarch64-none-elf", "", ELF_MACHINE_AARCH64);
    compare_with_readelf("x86_64-linux-gnu", "", ELF_MACHINE_X86_64);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sound_file, make),
        cmocka_unit_test_setup(test_unusual_but_sound_files, make),
        cmocka_unit_test_setup(test_wrong_headers, make),
        cmocka_unit_test_setup(test_wrong_segments, make),
        cmocka_unit_test_setup(test_entry_by_physical_address, make),
        cmocka_unit_test_setup(test_file_cut_short, make),
        cmocka_unit_test(test_files_of_the_linker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
