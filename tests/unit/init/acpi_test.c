// The firmware's tables are believed only as far as they reach.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "servers/init/acpi.h"

// Physical memory, from BASE on.
#define BASE 0x7fe0000ull
#define RSDP 0x00u
#define RSDT 0x40u
#define OTHER 0x80u
#define FADT 0x100u
#define DSDT 0x200u

#define XSDT 0x300u
#define MADT 0x380u

static _Alignas(8) uint8_t memory[0x400];

static const uint8_t *see(uint64_t address, uint64_t size) {
    uint64_t offset = address - BASE;
    return offset < sizeof(memory) && size <= sizeof(memory) - offset ? memory + offset : NULL;
}

static void put(unsigned at, uint32_t value) { memcpy(&memory[at], &value, sizeof(value)); }

// Makes SIZE bytes add up by the one at WHERE.
static void add_up(unsigned at, unsigned size, unsigned where) {
    uint8_t sum = 0;
    memory[at + where] = 0;
    for (unsigned i = 0; i < size; i++) {
        sum = (uint8_t)(sum + memory[at + i]);
    }
    memory[at + where] = (uint8_t)-sum;
}

static void table(unsigned at, const char *signature, uint32_t length) {
    memcpy(&memory[at], signature, 4);
    put(at + 4, length);
}

static void add_up_all(void) {
    const unsigned tables[] = {RSDT, OTHER, FADT, DSDT, XSDT, MADT};
    for (unsigned i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        uint32_t length;
        memcpy(&length, &memory[tables[i] + 4], sizeof(length));
        if (length >= 36 && length <= sizeof(memory) - tables[i]) {
            add_up(tables[i], length, 9);
        }
    }
    add_up(RSDP, 20, 8);
    add_up(RSDP, 36, 32);
}

static int begin(void **state) {
    (void)state;
    memset(memory, 0, sizeof(memory));
    memcpy(&memory[RSDP], "RSD PTR ", 8);
    put(RSDP + 16, BASE + RSDT);
    table(RSDT, "RSDT", 36 + 12);
    put(RSDT + 36, BASE + OTHER);
    put(RSDT + 40, BASE + FADT);
    put(RSDT + 44, BASE + MADT);
    table(OTHER, "HPET", 64);
    table(FADT, "FACP", 116);
    put(FADT + 40, BASE + DSDT);
    put(FADT + 64, 0x604);
    table(DSDT, "DSDT", 0x80);
    // Name (_S5_, Package (4) { 5, 0, 0, 0 })
    memcpy(&memory[DSDT + 0x40], "\x08_S5_\x12\x08\x04\x0a\x05\x0a\x00\x00\x00", 14);
    table(MADT, "APIC", 44 + 8 + 12);
    memcpy(&memory[MADT + 44], "\x00\x08\x00\x00\x01\x00\x00\x00", 8); // a CPU
    memcpy(&memory[MADT + 52], "\x01\x0c\x00\x00\x00\x00\xc0\xfe\x00\x00\x00\x00",
           12); // 0xfec00000
    add_up_all();
    return 0;
}

static void expect(uint16_t control, uint16_t sleep_type) {
    struct acpi found = acpi_read(BASE + RSDP, see);
    assert_int_equal(found.control[0].port, control);
    assert_int_equal(found.control[0].sleep_type, sleep_type);
}

static void expect_nothing(void) {
    struct acpi found = acpi_read(BASE + RSDP, see);
    assert_int_equal(found.control[0].port, 0);
    assert_int_equal(found.io_apic_count, 0);
}

static void test_how_the_machine_is_turned_off(void **state) {
    (void)state;
    expect(0x604, 5);
    memcpy(&memory[DSDT + 0x45], "\x12\x06\x04\x01\x00\x00\x00", 7); // 1, in one byte
    add_up_all();
    expect(0x604, 1);
    memcpy(&memory[DSDT + 0x45], "\x12\x47\x00\x04\x0a\x07\x00", 7); // a length of two bytes
    add_up_all();
    expect(0x604, 7);
    memcpy(&memory[DSDT + 0x45], "\x12\x06\x04\x0b\x00\x00\x00", 7); // no number of a byte
    add_up_all();
    assert_int_equal(acpi_read(BASE + RSDP, see).control[0].port, 0);
    memset(&memory[DSDT + 0x40], 0, 16);
    add_up_all();
    expect(0, 0);
    begin(state);
    put(FADT + 112, 1u << 20); // hardware-reduced: there is no such port
    add_up_all();
    expect(0, 0);
}

// Some machines have two registers, with a value for each, and some must be asked for them first.
static void test_both_registers(void **state) {
    (void)state;
    struct acpi found = acpi_read(BASE + RSDP, see);
    assert_int_equal(found.control[1].port, 0);
    assert_int_equal(found.enable_port, 0);
    put(FADT + 68, 0x704);
    put(FADT + 48, 0xb2);
    memory[DSDT + 0x4b] = 3;
    add_up_all();
    found = acpi_read(BASE + RSDP, see);
    assert_int_equal(found.control[0].sleep_type, 5);
    assert_int_equal(found.control[1].port, 0x704);
    assert_int_equal(found.control[1].sleep_type, 3);
    assert_int_equal(found.enable_port, 0); // nothing says what to write there
    memory[FADT + 52] = 0xf1;
    memcpy(&memory[DSDT + 0x45], "\x12\x06\x04\x01\x0b\x00\x00", 7); // not a number of a byte
    add_up_all();
    found = acpi_read(BASE + RSDP, see);
    assert_int_equal(found.control[0].sleep_type, 1);
    assert_int_equal(found.control[1].port, 0);
    assert_int_equal(found.enable_port, 0xb2);
    assert_int_equal(found.enable, 0xf1);
}

static void test_the_io_apics(void **state) {
    (void)state;
    struct acpi found = acpi_read(BASE + RSDP, see);
    assert_int_equal(found.io_apic_count, 1);
    assert_int_equal(found.io_apic[0], 0xfec00000);
    // More than are kept: each entry is one.
    put(MADT + 4, 44 + 6 * 12);
    for (unsigned i = 0; i < 6; i++) {
        memory[MADT + 44 + 12 * i] = 1;
        memory[MADT + 45 + 12 * i] = 12;
    }
    add_up_all();
    assert_int_equal(acpi_read(BASE + RSDP, see).io_apic_count, ACPI_IO_APICS);
    // Entries without a length, with one that leads out, and cut off.
    const uint8_t lengths[] = {0, 1, 200, 11};
    for (unsigned i = 0; i < sizeof(lengths); i++) {
        begin(state);
        memory[MADT + 53] = lengths[i];
        add_up_all();
        assert_int_equal(acpi_read(BASE + RSDP, see).io_apic_count, 0);
    }
}

static void test_the_longer_root(void **state) {
    (void)state;
    memory[RSDP + 15] = 2;
    put(RSDP + 20, 36);
    put(RSDP + 24, BASE + XSDT);
    table(XSDT, "XSDT", 36 + 16);
    put(XSDT + 36, BASE + MADT);
    put(XSDT + 44, BASE + FADT);
    put(RSDT + 4, 36); // the other one names nothing
    table(FADT, "FACP", 0);
    put(FADT + 4, 148); // reaches over what stands behind it: DSDT's address, twice
    put(FADT + 40, 0);
    put(FADT + 140, BASE + DSDT);
    add_up_all();
    expect(0x604, 5);
    assert_int_equal(acpi_read(BASE + RSDP, see).io_apic_count, 1);
    memory[RSDP + 33]++; // it does not add up: the old one counts
    expect_nothing();
    memory[RSDP + 33]--;
    put(XSDT + 40, 1); // above all memory
    add_up_all();
    assert_int_equal(acpi_read(BASE + RSDP, see).io_apic_count, 0);
    expect(0x604, 5);
}

static void test_tables_that_are_not_there(void **state) {
    assert_int_equal(acpi_read(0, see).control[0].port, 0);
    assert_int_equal(acpi_read(BASE + sizeof(memory), see).control[0].port, 0);
    assert_int_equal(acpi_read(BASE + sizeof(memory) - 20, see).control[0].port, 0);
    put(RSDP + 16, 0);
    add_up_all();
    expect_nothing();
    begin(state);
    put(RSDT + 40, 0);
    add_up_all();
    expect(0, 0);
    begin(state);
    put(FADT + 40, 0xfffffff0);
    add_up_all();
    expect(0, 0);
    begin(state);
    put(RSDT + 36, BASE + RSDT); // names itself, and the root pointer
    put(RSDT + 40, BASE + RSDP);
    add_up_all();
    expect(0, 0);
}

static void test_tables_that_do_not_add_up(void **state) {
    const struct {
        unsigned at;
        uint16_t control;
        unsigned io_apics;
    } parts[] = {
        {RSDP + 9, 0, 0},  {RSDP, 0, 0},      {RSDT + 10, 0, 0},
        {FADT + 10, 0, 1}, {DSDT + 10, 0, 1}, {MADT + 10, 0x604, 0},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        begin(state);
        memory[parts[i].at]++;
        struct acpi found = acpi_read(BASE + RSDP, see);
        assert_int_equal(found.control[0].port, parts[i].control);
        assert_int_equal(found.io_apic_count, parts[i].io_apics);
    }
}

static void test_lengths_that_are_wrong(void **state) {
    const uint32_t wrong[] = {0, 4, 35, sizeof(memory), 1u << 20, UINT32_MAX};
    const unsigned tables[] = {RSDT, DSDT, FADT};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]) * 3; i++) {
        begin(state);
        put(tables[i % 3] + 4, wrong[i / 3]);
        add_up_all();
        expect(0, 0);
    }
    begin(state);
    put(FADT + 4, 60); // an older one, which says less
    add_up_all();
    expect(0, 0);
    for (uint32_t length = 36; length < 0x40 + 16; length++) { // its end is in what is looked for
        begin(state);
        put(DSDT + 4, length);
        add_up_all();
        expect(0, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_how_the_machine_is_turned_off, begin),
        cmocka_unit_test_setup(test_both_registers, begin),
        cmocka_unit_test_setup(test_the_io_apics, begin),
        cmocka_unit_test_setup(test_the_longer_root, begin),
        cmocka_unit_test_setup(test_tables_that_are_not_there, begin),
        cmocka_unit_test_setup(test_tables_that_do_not_add_up, begin),
        cmocka_unit_test_setup(test_lengths_that_are_wrong, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
