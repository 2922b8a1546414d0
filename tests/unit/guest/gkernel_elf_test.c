// gkernel loads a sound ELF program as its headers say, and refuses everything else in words,
// before anything runs.

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guest/gkernel/elf.h"
#include "guest/platform.h"
#include "tests/unit/guest/gkernel_memory.h"

// The host's <elf.h> says what a file looks like, not gkernel's own structures.
_Static_assert(sizeof(Elf64_Phdr) == ELF_SEGMENT_SIZE, "ELF-64 program header");

#define FILE_SIZE (4 * PAGE_SIZE)

const struct platform platform = {.elf_machine = EM_RISCV};

static struct {
    Elf64_Ehdr header;
    Elf64_Phdr segment[ELF_SEGMENTS_MAX + 1];
    uint8_t rest[FILE_SIZE - sizeof(Elf64_Ehdr) - (ELF_SEGMENTS_MAX + 1) * sizeof(Elf64_Phdr)];
} file;
_Static_assert(sizeof(file) == FILE_SIZE, "no padding");

static struct elf_program program;

static void add_segment(uint32_t type, uint32_t flags, uint64_t va, uint64_t at, uint64_t file_size,
                        uint64_t memory_size) {
    file.segment[file.header.e_phnum++] = (Elf64_Phdr){
        .p_type = type,
        .p_flags = flags,
        .p_offset = at,
        .p_vaddr = va,
        .p_paddr = va,
        .p_filesz = file_size,
        .p_memsz = memory_size,
        .p_align = PAGE_SIZE,
    };
}

// A program as the linker makes it: text, constants, data with zeroes behind, a TLS template,
// notes.
static void make_file(void) {
    memset(&file, 0, sizeof(file));
    for (size_t i = 0; i < sizeof(file.rest); i++)
        file.rest[i] = (uint8_t)(i % 241 + 1);
    memcpy(file.header.e_ident, ELFMAG, SELFMAG);
    file.header.e_ident[EI_CLASS] = ELFCLASS64;
    file.header.e_ident[EI_DATA] = ELFDATA2LSB;
    file.header.e_ident[EI_VERSION] = EV_CURRENT;
    file.header.e_type = ET_EXEC;
    file.header.e_machine = EM_RISCV;
    file.header.e_version = EV_CURRENT;
    file.header.e_entry = 0x1000;
    file.header.e_phoff = sizeof(file.header);
    file.header.e_ehsize = sizeof(file.header);
    file.header.e_phentsize = sizeof(Elf64_Phdr);
    add_segment(PT_LOAD, PF_R | PF_X, 0x1000, 0x1000, 0x1234, 0x1234);
    add_segment(PT_LOAD, PF_R, 0x3000, 0x2238, 0x100, 0x100);
    add_segment(PT_LOAD, PF_R | PF_W, 0x4008, 0x2340, 0x808, 0x3000);
    add_segment(PT_TLS, PF_R, 0x4008, 0x2340, 8, 16);
    add_segment(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0);
    add_segment(PT_NOTE, PF_R, 0x3000, 0x2238, 0x10, 0x10);
}

static int make(void **state) {
    (void)state;
    make_file();
    return memory_make(state);
}

static const char *load(void) { return elf_load(space, (uint8_t *)&file, sizeof(file), &program); }

static void test_a_program_is_where_its_headers_say(void **state) {
    (void)state;
    assert_null(load());
    assert_int_equal(program.entry, 0x1000);
    assert_int_equal(program.header_count, 6);
    assert_memory_equal(program.headers, file.segment, 6 * sizeof(Elf64_Phdr));
    assert_int_equal(space->heap_start, 0x8000);
    assert_int_equal(space->heap_end, 0x8000);
    const uint8_t *bytes = (const uint8_t *)&file;
    for (uint64_t i = 0; i < 0x1234; i++) {
        assert_int_equal(memory_fetch(space, 0x1000 + i), bytes[0x1000 + i]);
        assert_int_equal(memory_load(space, 0x1000 + i), bytes[0x1000 + i]);
    }
    for (uint64_t i = 0; i < 0x100; i++)
        assert_int_equal(memory_load(space, 0x3000 + i), bytes[0x2238 + i]);
    for (uint64_t i = 0; i < 0x3000; i++)
        assert_int_equal(memory_load(space, 0x4008 + i), i < 0x808 ? bytes[0x2340 + i] : 0);
    memory_store(space, 0x4008, 1);
    uint8_t *at;
    assert_int_equal(memory_access(space, 0x1000, MMU_WRITE, &at), SPACE_NO_RIGHT);
    assert_int_equal(memory_access(space, 0x3000, MMU_WRITE, &at), SPACE_NO_RIGHT);
    assert_int_equal(memory_access(space, 0x3000, MMU_EXECUTE, &at), SPACE_NO_RIGHT);
    assert_int_equal(memory_access(space, 0x4008, MMU_EXECUTE, &at), SPACE_NO_RIGHT);
    assert_int_equal(memory_access(space, 0xfff, MMU_READ, &at), SPACE_NOTHING_THERE);
    assert_int_equal(memory_access(space, 0x8000, MMU_READ, &at), SPACE_NOTHING_THERE);
}

// What spoils the file, and what gkernel says of it.
static void no_magic(void) { file.header.e_ident[EI_MAG3] = 'G'; }
static void class_32(void) { file.header.e_ident[EI_CLASS] = ELFCLASS32; }
static void big_endian(void) { file.header.e_ident[EI_DATA] = ELFDATA2MSB; }
static void version_2(void) { file.header.e_version = 2; }
static void machine(void) { file.header.e_machine = EM_X86_64; }
static void type_dyn(void) { file.header.e_type = ET_DYN; }
static void no_headers(void) { file.header.e_phnum = 0; }
static void many_headers(void) { file.header.e_phnum = ELF_SEGMENTS_MAX + 1; }
static void all_headers(void) { file.header.e_phnum = UINT16_MAX; }
static void header_size(void) { file.header.e_phentsize = 55; }
static void headers_behind(void) { file.header.e_phoff = FILE_SIZE - 6 * 56 + 1; }
static void headers_far(void) { file.header.e_phoff = UINT64_MAX - 8; }
static void segment_behind(void) { file.segment[0].p_offset = FILE_SIZE - 0x1233; }
static void segment_far(void) { file.segment[0].p_offset = UINT64_MAX - 0x1000; }
static void segment_wraps(void) { file.segment[0].p_filesz = UINT64_MAX - 0xfff; }
static void file_larger(void) { file.segment[1].p_memsz = 0xff; }
static void at_zero(void) { file.segment[0].p_vaddr = 0xff8; }
static void at_null(void) { file.segment[0].p_vaddr = 0; }
static void on_the_guard(void) { file.segment[1].p_vaddr = SPACE_MAP_END - 0xff; }
static void on_the_stack(void) { file.segment[1].p_vaddr = SPACE_STACK_END - PAGE_SIZE; }
static void in_the_kernel(void) { file.segment[1].p_vaddr = UINT64_C(0xffffffc080200000); }
static void huge(void) { file.segment[2].p_memsz = UINT64_MAX - 0x4008; }
static void wraps(void) { file.segment[2].p_memsz = UINT64_MAX; }
static void write_execute(void) { file.segment[0].p_flags = PF_W | PF_X; }
static void all_rights(void) { file.segment[2].p_flags = PF_R | PF_W | PF_X; }
static void same_page(void) { file.segment[1].p_vaddr = 0x2f00; }
static void overlap(void) { file.segment[2].p_vaddr = 0x1800; }
static void dynamic(void) { file.segment[5].p_type = PT_DYNAMIC; }
static void interpreter(void) { file.segment[5].p_type = PT_INTERP; }
static void own_headers(void) { file.segment[5].p_type = PT_PHDR; }
static void stack_execute(void) { file.segment[4].p_flags = PF_R | PF_W | PF_X; }
static void entry_null(void) { file.header.e_entry = 0; }
static void entry_behind(void) { file.header.e_entry = 0x1000 + 0x1234; }
static void entry_data(void) { file.header.e_entry = 0x4008; }
static void no_segments(void) { file.header.e_phoff += 3 * 56, file.header.e_phnum = 3; }
static void empty_text(void) { file.segment[0].p_memsz = file.segment[0].p_filesz = 0; }

static const struct {
    void (*spoil)(void);
    const char *message;
} spoilt[] = {
    {no_magic, "is no ELF file"},
    {class_32, "is no ELF file of 64 bits, little-endian, version 1"},
    {big_endian, "is no ELF file of 64 bits, little-endian, version 1"},
    {version_2, "is no ELF file of 64 bits, little-endian, version 1"},
    {machine, "is for another kind of machine"},
    {type_dyn, "is no static program with fixed addresses"},
    {no_headers, "has no program headers"},
    {many_headers, "has too many program headers"},
    {all_headers, "has too many program headers"},
    {header_size, "has program headers of an unknown size"},
    {headers_behind, "has program headers outside of the file"},
    {headers_far, "has program headers outside of the file"},
    {segment_behind, "has a segment outside of the file"},
    {segment_far, "has a segment outside of the file"},
    {segment_wraps, "has a segment outside of the file"},
    {file_larger, "has a segment that is larger in the file than in memory"},
    {at_zero, "has a segment in the first page"},
    {at_null, "has a segment in the first page"},
    {on_the_guard, "has a segment beyond the end of user memory"},
    {on_the_stack, "has a segment beyond the end of user memory"},
    {in_the_kernel, "has a segment beyond the end of user memory"},
    {huge, "has a segment beyond the end of user memory"},
    {wraps, "has a segment beyond the end of user memory"},
    {write_execute, "has a segment both writable and executable"},
    {all_rights, "has a segment both writable and executable"},
    {same_page, "has two segments in one page"},
    {overlap, "has two segments in one page"},
    {dynamic, "is linked dynamically"},
    {interpreter, "is linked dynamically"},
    {own_headers, "wants its program headers in memory (PT_PHDR)"},
    {stack_execute, "wants an executable stack"},
    {entry_null, "has an entry outside of its executable segments"},
    {entry_behind, "has an entry outside of its executable segments"},
    {entry_data, "has an entry outside of its executable segments"},
    {no_segments, "has an entry outside of its executable segments"},
    {empty_text, "has an entry outside of its executable segments"},
};

static void test_what_is_wrong_is_said(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
        make_file();
        spoilt[i].spoil();
        struct space *other = space_create();
        assert_non_null(other);
        const char *message = elf_load(other, (uint8_t *)&file, sizeof(file), &program);
        assert_non_null(message);
        assert_string_equal(message, spoilt[i].message);
        memory_check((struct space *[]){space, other}, 2);
        space_release(other);
    }
}

// Cut off anywhere, it is refused until its last segment is there.
static void test_a_file_that_is_cut_off(void **state) {
    (void)state;
    static const size_t last = 0x2340 + 0x808;
    for (size_t size = 0; size < last; size += size < 0x200 ? 1 : 61) {
        struct space *other = space_create();
        assert_non_null(other);
        assert_non_null(elf_load(other, (uint8_t *)&file, size, &program));
        space_release(other);
    }
    assert_null(elf_load(space, (uint8_t *)&file, last, &program));
}

// As many headers as there may be, and a last page below the stack's guard.
static void test_the_limits_themselves_are_allowed(void **state) {
    (void)state;
    while (file.header.e_phnum < ELF_SEGMENTS_MAX)
        add_segment(PT_LOAD, PF_R, file.header.e_phnum * UINT64_C(0x100000), 0, 1, 1);
    file.segment[1].p_vaddr = SPACE_MAP_END - 0x100;
    assert_null(load());
    assert_int_equal(program.header_count, ELF_SEGMENTS_MAX);
    assert_int_equal(space->regions, ELF_SEGMENTS_MAX - 3);
    assert_int_equal(space->heap_start, SPACE_MAP_END);
    assert_int_equal(region_move_heap(space, SPACE_MAP_END + 1), SPACE_MAP_END);
    assert_int_equal(memory_load(space, SPACE_MAP_END - 1), ((uint8_t *)&file)[0x2238 + 0xff]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_program_is_where_its_headers_say, make, memory_end),
        cmocka_unit_test_setup_teardown(test_what_is_wrong_is_said, make, memory_end),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_cut_off, make, memory_end),
        cmocka_unit_test_setup_teardown(test_the_limits_themselves_are_allowed, make, memory_end),
    };
    return cmocka_run_group_tests(tests, memory_boot, NULL);
}
