// What a PC's loader tells, in both forms: the RAM that init may hand out, and where ACPI begins.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "servers/init/pc.h"

#define BASE 0x400000ull // of what is told
#define MIB (1ull << 20)
#define HIGH (1ull << 39)

static _Alignas(8) uint8_t memory[0x2000];
static unsigned used;

static const uint8_t *see(uint64_t address, uint64_t size) {
    uint64_t offset = address - BASE;
    return offset < sizeof(memory) && size <= sizeof(memory) - offset ? memory + offset : NULL;
}

static void put32(unsigned at, uint32_t value) { memcpy(&memory[at], &value, sizeof(value)); }
static void put64(unsigned at, uint64_t value) { memcpy(&memory[at], &value, sizeof(value)); }

struct piece {
    uint64_t address, size;
    uint32_t type;
};

static void put_pieces(unsigned at, const struct piece *pieces, unsigned count, unsigned stride) {
    for (unsigned i = 0; i < count; i++) {
        put64(at + i * stride, pieces[i].address);
        put64(at + i * stride + 8, pieces[i].size);
        put32(at + i * stride + 16, pieces[i].type);
    }
}

static void tell_pvh(const struct piece *pieces, unsigned count) {
    memset(memory, 0, sizeof(memory));
    put32(0, 0x336ec578);
    put32(4, 1);
    put64(32, 0xf5a10);
    put64(40, BASE + 0x100);
    put32(48, count);
    put_pieces(0x100, pieces, count, 24);
}

static unsigned put_tag(uint32_t type, uint32_t size) {
    unsigned at = used;
    put32(at, type);
    put32(at + 4, size);
    used = (used + size + 7) & ~7u;
    put32(0, used);
    return at + 8;
}

static void tell_multiboot2(const struct piece *pieces, unsigned count, unsigned stride) {
    memset(memory, 0, sizeof(memory));
    used = 8;
    put_tag(1, 8 + 5); // a command line, whose length is no multiple of 8
    unsigned at = put_tag(6, 16 + count * stride);
    put32(at, stride);
    put_pieces(at + 8, pieces, count, stride);
}

static struct pc read(void) { return pc_read(BASE, 0x800000, HIGH, see); }

static void expect_ram(unsigned index, uint64_t address, uint64_t end) {
    struct pc pc = read();
    assert_in_range(index, 0, pc.ram_count - 1);
    assert_int_equal(pc.ram[index].address, address);
    assert_int_equal(pc.ram[index].size, end - address);
}

static const struct piece plain[] = {{0, 0x9fc00, 1},
                                     {0x9fc00, 0x400, 2},
                                     {MIB, 127 * MIB, 1},
                                     {128 * MIB, MIB, 3},
                                     {4096 * MIB, 1024 * MIB, 1}};

static void test_both_forms(void **state) {
    (void)state;
    for (unsigned form = 0; form < 3; form++) {
        if (form == 0) {
            tell_pvh(plain, 5);
        } else {
            tell_multiboot2(plain, 5, form == 1 ? 24 : 32);
        }
        assert_int_equal(read().ram_count, 2); // what ends below is not init's
        expect_ram(0, MIB, 128 * MIB);
        expect_ram(1, 4096 * MIB, 5120 * MIB);
    }
}

static void test_where_acpi_begins(void **state) {
    (void)state;
    tell_pvh(plain, 5);
    assert_int_equal(read().rsdp, 0xf5a10);
    tell_multiboot2(plain, 5, 24);
    assert_int_equal(read().rsdp, 0);
    unsigned old = put_tag(14, 8 + 20);
    assert_int_equal(read().rsdp, BASE + old);
    unsigned new = put_tag(15, 8 + 36);
    assert_int_equal(read().rsdp, BASE + new);
    put_tag(14, 8 + 20); // the newer one counts, wherever it is
    assert_int_equal(read().rsdp, BASE + new);
    put_tag(0, 8);
    put_tag(15, 8 + 36); // behind the end
    assert_int_equal(read().rsdp, BASE + new);
}

static void test_ram_in_pages_and_once(void **state) {
    (void)state;
    const struct piece odd[] = {
        {MIB + 1, 31 * MIB + 2, 1},        // to 32 MiB + 3
        {16 * MIB + 5, 10, 2},             // a hole
        {20 * MIB, MIB, 4},                // another
        {24 * MIB, 16 * MIB, 1},           // RAM that was told already, in part
        {1024 * MIB, UINT64_MAX - MIB, 1}, // to beyond the end of all addresses
    };
    tell_pvh(odd, 5);
    expect_ram(0, MIB + 4096, 16 * MIB);
    expect_ram(1, 16 * MIB + 4096, 20 * MIB);
    expect_ram(2, 21 * MIB, 32 * MIB);
    expect_ram(3, 1024 * MIB, HIGH);
    assert_int_equal(read().ram_count, 4);
}

static void test_the_largest_pieces(void **state) {
    (void)state;
    struct piece many[9];
    for (unsigned i = 0; i < 9; i++) {
        many[i] = (struct piece){(uint64_t)(9 - i) * 64 * MIB, (i * 5 % 9 + 1) * MIB, 1};
    }
    tell_pvh(many, 9); // 1, 6, 2, 7, 3, 8, 4, 9 and 5 MiB, from above down
    expect_ram(0, 128 * MIB, 137 * MIB);
    expect_ram(1, 256 * MIB, 264 * MIB);
    expect_ram(2, 384 * MIB, 391 * MIB);
    expect_ram(3, 512 * MIB, 518 * MIB);
}

// Longer maps than are read are told apart from those without RAM.
static void test_long_maps(void **state) {
    (void)state;
    static struct piece many[257];
    for (unsigned i = 0; i < 257; i++) {
        many[i] = (struct piece){(uint64_t)i * 16 * MIB, 8 * MIB, 1};
    }
    for (unsigned form = 0; form < 2; form++) {
        for (unsigned count = 256; count <= 257; count++) {
            if (form == 0) {
                tell_pvh(many, count);
            } else {
                tell_multiboot2(many, count, 24);
            }
            assert_int_equal(read().is_long, count > 256);
            assert_int_equal(read().ram_count, count > 256 ? 0 : PC_RAM);
        }
    }
}

static void test_what_does_not_go_with_the_machine(void **state) {
    (void)state;
    static struct piece many[257];
    for (unsigned i = 0; i < 257; i++) {
        many[i] = (struct piece){(uint64_t)i * 16 * MIB, 8 * MIB, 1};
    }
    static struct manifest manifest;
    struct acpi acpi = {.io_apic = {0xfec01000, 0xfec00000}, .io_apic_count = 2};
    const struct manifest_range core = {18 * MIB, 5 * MIB};
    manifest.interrupt_controller.present = true;
    manifest.interrupt_controller.host.address = 0xfec00000;
    tell_multiboot2(many, 257, 24);
    struct pc pc = read();
    assert_string_equal(pc_refuse(&pc, &acpi, core, &manifest),
                        "the machine's memory map has more than 256 entries, and was not read");
    tell_multiboot2(many, 256, 24);
    pc = read();
    assert_null(pc_refuse(&pc, &acpi, core, &manifest));
    // Memory beside what is RAM, at its end and at its beginning.
    const struct manifest_range wrong[] = {
        {18 * MIB, 7 * MIB}, {15 * MIB, 5 * MIB}, {12 * MIB, MIB}, {18 * MIB, UINT64_MAX}};
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_string_equal(
            pc_refuse(&pc, &acpi, wrong[i], &manifest),
            "/: property `object-memory`: by the machine's memory map not all of it is RAM");
    }
    manifest.interrupt_controller.host.address = 0xfec02000;
    assert_string_equal(
        pc_refuse(&pc, &acpi, core, &manifest),
        "/host/interrupt-controller@fec02000: property `reg`: by ACPI the machine's first I/O APIC "
        "is at 0xfec01000");
    acpi.io_apic_count = 0; // nothing is known
    assert_null(pc_refuse(&pc, &acpi, core, &manifest));
    acpi.io_apic_count = 1;
    manifest.interrupt_controller.present = false;
    assert_null(pc_refuse(&pc, &acpi, core, &manifest));
}

static void test_what_reaches_out(void **state) {
    (void)state;
    tell_pvh(plain, 5);
    put64(40, BASE + sizeof(memory) - 24);
    assert_int_equal(read().ram_count, 0);
    tell_pvh(plain, 5);
    put32(48, UINT32_MAX);
    assert_int_equal(read().ram_count, 0);
    tell_pvh(plain, 5);
    put32(4, 0); // the first version had no memory map
    assert_int_equal(read().ram_count, 0);
    const uint32_t sizes[] = {0, 7, 8, 12, sizeof(memory) + 1, UINT32_MAX};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        tell_multiboot2(plain, 5, 24);
        put32(0, sizes[i]);
        assert_int_equal(read().ram_count, 0);
        tell_multiboot2(plain, 5, 24);
        put32(8 + 4, sizes[i] == 8 ? 7 : sizes[i]); // the first tag's
        assert_int_equal(read().ram_count, sizes[i] == 12 ? 2 : 0);
    }
    tell_multiboot2(plain, 5, 24);
    put32(24 + 8, 0); // entries of no bytes
    assert_int_equal(read().ram_count, 0);
    assert_int_equal(pc_read(BASE + sizeof(memory), 0, HIGH, see).ram_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_forms),
        cmocka_unit_test(test_where_acpi_begins),
        cmocka_unit_test(test_ram_in_pages_and_once),
        cmocka_unit_test(test_the_largest_pieces),
        cmocka_unit_test(test_long_maps),
        cmocka_unit_test(test_what_does_not_go_with_the_machine),
        cmocka_unit_test(test_what_reaches_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
