// What a file is, and where it goes. Headers are made by hand from Linux' documentation of them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libs/image/image.h"

#define MB 0x100000ull

static uint8_t head[IMAGE_HEAD_SIZE];
static struct image_request request;
static struct image_plan plan;
static char message[IMAGE_MESSAGE_SIZE];

static void put(unsigned at, uint64_t value, unsigned size) { memcpy(head + at, &value, size); }

static int make(void **state) {
    (void)state;
    memset(head, 0x5a, sizeof(head));
    request = (struct image_request){
        .head = head,
        .head_size = sizeof(head),
        .file_size = 100000,
        .machine = ELF_MACHINE_RISCV,
        .ram_base = 0x80000000,
        .ram_size = 16 * MB,
        .other_size = 65536,
        .flat_address = 0x80200000,
        .flat_entry = 0x80200000,
    };
    return 0;
}

// Documentation/arch/riscv/boot-image-header.rst
static void make_riscv_image(uint64_t text_offset, uint64_t image_size) {
    memset(head, 0, 64);
    put(0, 0x5a4d, 2); // "MZ": such an image can be an EFI program as well
    put(8, text_offset, 8);
    put(16, image_size, 8);
    put(32, 2, 4);
    memcpy(head + 0x30, "RISCV\0\0\0", 8);
    memcpy(head + 0x38, "RSC\x05", 4);
}

// Documentation/arch/arm64/booting.rst
static void make_arm64_image(uint64_t text_offset, uint64_t image_size) {
    memset(head, 0, 64);
    put(8, text_offset, 8);
    put(16, image_size, 8);
    put(24, 0xa, 8);
    memcpy(head + 0x38, "ARM\x64", 4);
    request.machine = ELF_MACHINE_AARCH64;
    request.ram_base = 0x40000000;
}

static void expect_one_piece(enum image_kind kind, uint64_t address, uint64_t memory_size) {
    message[0] = '\0';
    if (image_plan(&request, &plan, message, sizeof(message)) != STATUS_OK)
        fail_msg("%s", message);
    assert_int_equal(plan.kind, kind);
    assert_int_equal(plan.entry, address);
    assert_int_equal(plan.piece_count, 1);
    assert_int_equal(plan.pieces[0].file_offset, 0);
    assert_int_equal(plan.pieces[0].file_size, request.file_size);
    assert_int_equal(plan.pieces[0].guest_address, address);
    assert_int_equal(plan.pieces[0].memory_size, memory_size);
}

static void expect_refusal(enum status status, const char *text) {
    message[0] = '\0';
    enum status got = image_plan(&request, &plan, message, sizeof(message));
    assert_string_equal(message, text);
    assert_int_equal(got, status);
}

static void test_flat_binary(void **state) {
    (void)state;
    expect_one_piece(IMAGE_FLAT, 0x80200000, 100000);
    request.file_size = 14 * MB;
    expect_one_piece(IMAGE_FLAT, 0x80200000, 14 * MB);
    request.file_size = 14 * MB + 1;
    expect_refusal(STATUS_RANGE, "the image needs 14680065 bytes at 0x80200000, RAM ends at "
                                 "0x81000000: give the VM at least 17 MB");
    request.file_size = UINT64_MAX;
    expect_refusal(STATUS_RANGE, "the image needs 18446744073709551615 bytes at 0x80200000, far "
                                 "from RAM at 0x80000000 to 0x81000000");
    request.file_size = 2000;
    request.flat_address = 0x7ffff000;
    expect_refusal(STATUS_RANGE,
                   "the image needs 2000 bytes at 0x7ffff000, RAM begins at 0x80000000");
    request.flat_address = 0x90000000;
    expect_refusal(STATUS_RANGE, "the image needs 2000 bytes at 0x90000000, RAM ends at "
                                 "0x81000000: give the VM at least 257 MB");
    request.file_size = 0;
    expect_refusal(STATUS_CORRUPT, "the image is empty");
    assert_string_equal(image_kind_name(IMAGE_FLAT), "flat binary");
}

static void test_small_flat_binary(void **state) {
    (void)state;
    uint8_t tiny[3] = {1, 2, 3};
    request.head = tiny;
    for (size_t size = 1; size <= 3; size++) {
        request.head_size = request.file_size = size;
        expect_one_piece(IMAGE_FLAT, 0x80200000, size);
    }
}

static void test_entry_of_a_flat_binary(void **state) {
    (void)state;
    request.flat_entry = 0x80200040;
    assert_int_equal(image_plan(&request, &plan, message, sizeof(message)), STATUS_OK);
    assert_int_equal(plan.entry, 0x80200040);
    request.flat_entry = 0x80200000 + 100000;
    expect_refusal(STATUS_INVALID, "the entry 0x802186a0 is not in the flat binary's 100000 bytes "
                                   "at 0x80200000");
    request.flat_entry = 0x801fffff;
    expect_refusal(STATUS_INVALID, "the entry 0x801fffff is not in the flat binary's 100000 bytes "
                                   "at 0x80200000");
}

static void test_riscv_image(void **state) {
    (void)state;
    make_riscv_image(0x200000, 150000);
    request.flat_address = request.flat_entry = 0; // without meaning
    expect_one_piece(IMAGE_LINUX, 0x80200000, 150000);
    make_riscv_image(0x200000, 5000); // less than the file: never less than what is loaded
    expect_one_piece(IMAGE_LINUX, 0x80200000, 100000);
    make_riscv_image(0, 150000);
    expect_one_piece(IMAGE_LINUX, 0x80000000, 150000);
    // The stock kernel in the default guest, as the user sees it.
    make_riscv_image(0x200000, 34603008);
    request.file_size = 33000000;
    expect_refusal(STATUS_RANGE, "the image needs 34603008 bytes at 0x80200000, RAM ends at "
                                 "0x81000000: give the VM at least 36 MB");
    request.ram_size = 36 * MB;
    expect_one_piece(IMAGE_LINUX, 0x80200000, 34603008);
    request.ram_base = 0x80100000; // the offset counts from the next multiple of 2 MiB
    expect_one_piece(IMAGE_LINUX, 0x80400000, 34603008);
}

static void test_wrong_riscv_images(void **state) {
    (void)state;
    make_riscv_image(0x200000, UINT64_MAX);
    expect_refusal(STATUS_RANGE, "the image needs 18446744073709551615 bytes at 0x80200000, far "
                                 "from RAM at 0x80000000 to 0x81000000");
    make_riscv_image(UINT64_MAX, 150000);
    expect_refusal(STATUS_CORRUPT, "the Linux Image wants to be 0xffffffffffffffff bytes above the "
                                   "base of memory, where there are no addresses");
    make_riscv_image(0x200000, 150000);
    put(24, 1, 8);
    expect_refusal(STATUS_UNSUPPORTED,
                   "the image is a big-endian Linux Image, the VM is little endian");
    put(24, 0, 8);
    request.machine = ELF_MACHINE_AARCH64;
    expect_refusal(STATUS_UNSUPPORTED,
                   "the image is a Linux Image for riscv, the VM is of another architecture");
}

static void test_arm64_image(void **state) {
    (void)state;
    make_arm64_image(0, 150000);
    expect_one_piece(IMAGE_LINUX, 0x40000000, 150000);
    make_arm64_image(0x80000, 150000);
    expect_one_piece(IMAGE_LINUX, 0x40080000, 150000);
    make_arm64_image(0, 0); // before Linux 3.17
    expect_one_piece(IMAGE_LINUX, 0x40080000, 100000);
    request.machine = ELF_MACHINE_RISCV;
    expect_refusal(STATUS_UNSUPPORTED,
                   "the image is a Linux Image for arm64, the VM is of another architecture");
}

static void test_what_must_be_unpacked(void **state) {
    (void)state;
    static const struct {
        unsigned offset, size;
        const char *bytes, *text;
    } cases[] = {
        {0, 3, "\x1f\x8b\x08", "the image is compressed by gzip: gunzip it first"},
        {0, 6,
         "\xfd"
         "7zXZ\0",
         "the image is compressed by xz: unxz it first"},
        {0, 4, "\x28\xb5\x2f\xfd", "the image is compressed by zstd: unzstd it first"},
        {0, 3, "BZh", "the image is compressed by bzip2: bunzip2 it first"},
        {0, 4, "\x02\x21\x4c\x18", "the image is compressed by lz4: unlz4 it first"},
        {0, 8, "MZ\0\0zimg",
         "the image is an EFI zboot image: give the Image that it was made from"},
        {0, 4, "\x27\x05\x19\x56", "the image is a U-Boot image: give what mkimage was given"},
        {0, 4, "\xd0\x0d\xfe\xed", "the image is a device tree, or a FIT image: give a kernel"},
        {0x202, 4, "HdrS", "the image is a bzImage of x86: give the vmlinux it was made from"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make(NULL);
        memcpy(head + cases[i].offset, cases[i].bytes, cases[i].size);
        expect_refusal(STATUS_UNSUPPORTED, cases[i].text);
        request.head_size = cases[i].offset + cases[i].size - 1; // too short to tell
        if (request.head_size > 0)
            assert_int_equal(image_plan(&request, &plan, message, sizeof(message)), STATUS_OK);
    }
}

static void put_segment(unsigned index, uint32_t flags, uint64_t virtual, uint64_t physical,
                        uint64_t file_size, uint64_t memory_size) {
    unsigned at = 64 + 56 * index;
    memset(head + at, 0, 56);
    put(at, 1, 4);
    put(at + 4, flags, 4);
    put(at + 8, 0x1000 * (index + 1), 8);
    put(at + 16, virtual, 8);
    put(at + 24, physical, 8);
    put(at + 32, file_size, 8);
    put(at + 40, memory_size, 8);
    put(56, index + 1, 2);
}

// A kernel of two segments, linked for high virtual addresses.
static void make_elf(void) {
    memset(head, 0, 64);
    memcpy(head, "\177ELF\2\1\1", 7);
    put(16, 2, 2);
    put(18, 243, 2);
    put(20, 1, 4);
    put(24, 0xffffffff80200100, 8);
    put(32, 64, 8);
    put(54, 56, 2);
    put_segment(0, 5, 0xffffffff80200000, 0x80200000, 0x800, 0x1000);
    put_segment(1, 6, 0xffffffff80400000, 0x80300000, 0, 0x100000);
}

static void test_elf(void **state) {
    (void)state;
    make_elf();
    assert_int_equal(image_plan(&request, &plan, message, sizeof(message)), STATUS_OK);
    assert_int_equal(plan.kind, IMAGE_ELF);
    assert_int_equal(plan.entry, 0x80200100);
    assert_int_equal(plan.piece_count, 2);
    assert_int_equal(plan.pieces[0].file_offset, 0x1000);
    assert_int_equal(plan.pieces[0].file_size, 0x800);
    assert_int_equal(plan.pieces[0].guest_address, 0x80200000);
    assert_int_equal(plan.pieces[0].memory_size, 0x1000);
    assert_int_equal(plan.pieces[1].guest_address, 0x80300000);
    assert_int_equal(plan.pieces[1].file_size, 0);
    assert_int_equal(plan.pieces[1].memory_size, 0x100000);
}

static void test_wrong_elf_files(void **state) {
    (void)state;
    make_elf();
    request.file_size = 0x1000 + 0x7ff;
    expect_refusal(STATUS_CORRUPT,
                   "a segment of the ELF file ends behind the file: it was cut short");
    request.file_size = 100000;
    request.machine = ELF_MACHINE_X86_64;
    expect_refusal(STATUS_UNSUPPORTED, "the ELF file is for another architecture");
    request.machine = ELF_MACHINE_RISCV;
    put_segment(1, 6, 0xffffffff80400000, 0x80f00000, 0, 0x100001);
    expect_refusal(STATUS_RANGE, "the image needs 1048577 bytes at 0x80f00000, RAM ends at "
                                 "0x81000000: give the VM at least 17 MB");
    put_segment(1, 6, 0xffffffff80400000, 0xffffffff80400000, 0, 0x100000);
    expect_refusal(STATUS_RANGE,
                   "the image needs 1048576 bytes at 0xffffffff80400000, far from RAM at "
                   "0x80000000 to 0x81000000");
    put_segment(1, 6, 0xffffffff80400000, 0x80200fff, 0, 0x100000);
    expect_refusal(STATUS_CORRUPT,
                   "two segments of the ELF file overlap in physical memory at 0x80200fff");
    put_segment(1, 6, 0xffffffff80400000, 0x801ff000, 0, 0x1001);
    expect_refusal(STATUS_CORRUPT,
                   "two segments of the ELF file overlap in physical memory at 0x801ff000");
    for (unsigned i = 1; i < 9; i++)
        put_segment(i, 6, 0xffffffff80400000 + 0x1000 * i, 0x80400000 + 0x1000 * i, 0, 0x1000);
    expect_refusal(STATUS_UNSUPPORTED, "the ELF file has 9 segments, more than 8");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_flat_binary, make),
        cmocka_unit_test_setup(test_small_flat_binary, make),
        cmocka_unit_test_setup(test_entry_of_a_flat_binary, make),
        cmocka_unit_test_setup(test_riscv_image, make),
        cmocka_unit_test_setup(test_wrong_riscv_images, make),
        cmocka_unit_test_setup(test_arm64_image, make),
        cmocka_unit_test_setup(test_what_must_be_unpacked, make),
        cmocka_unit_test_setup(test_elf, make),
        cmocka_unit_test_setup(test_wrong_elf_files, make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
