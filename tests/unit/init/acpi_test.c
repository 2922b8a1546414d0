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

static _Alignas(8) uint8_t memory[0x400];

static const uint8_t *see(uint64_t address, uint64_t size) {
    uint64_t offset = address - BASE;
    return offset < sizeof(memory) && size <= sizeof(memory) - offset ? memory + offset : NULL;
}

static void put(unsigned at, uint32_t value) { memcpy(&memory[at], &value, sizeof(value)); }

static void table(unsigned at, const char *signature, uint32_t length) {
    memcpy(&memory[at], signature, 4);
    put(at + 4, length);
}

static int begin(void **state) {
    (void)state;
    memset(memory, 0, sizeof(memory));
    put(RSDP + 16, BASE + RSDT);
    table(RSDT, "RSDT", 36 + 8);
    put(RSDT + 36, BASE + OTHER);
    put(RSDT + 40, BASE + FADT);
    table(OTHER, "APIC", 64);
    table(FADT, "FACP", 116);
    put(FADT + 40, BASE + DSDT);
    put(FADT + 64, 0x604);
    table(DSDT, "DSDT", 0x80);
    // Name (_S5_, Package (4) { 5, 0, 0, 0 })
    memcpy(&memory[DSDT + 0x40], "\x08_S5_\x12\x08\x04\x0a\x05\x0a\x00\x00\x00", 14);
    return 0;
}

static void expect(uint16_t control, uint16_t sleep_type) {
    struct acpi found = acpi_read(BASE + RSDP, see);
    assert_int_equal(found.control, control);
    assert_int_equal(found.sleep_type, sleep_type);
}

static void test_how_the_machine_is_turned_off(void **state) {
    (void)state;
    expect(0x604, 5);
    memcpy(&memory[DSDT + 0x45], "\x12\x06\x04\x01\x00\x00\x00", 7); // 1, in one byte
    expect(0x604, 1);
    memcpy(&memory[DSDT + 0x45], "\x12\x47\x00\x04\x0a\x07\x00", 7); // a length of two bytes
    expect(0x604, 7);
    memset(&memory[DSDT + 0x40], 0, 16);
    expect(0x604, 0);
}

static void test_tables_that_are_not_there(void **state) {
    assert_int_equal(acpi_read(0, see).control, 0);
    assert_int_equal(acpi_read(BASE + sizeof(memory), see).control, 0);
    put(RSDP + 16, 0);
    expect(0, 0);
    begin(state);
    put(RSDT + 40, 0);
    expect(0, 0);
    begin(state);
    put(FADT + 40, 0xfffffff0);
    expect(0x604, 0);
}

static void test_lengths_that_are_wrong(void **state) {
    const uint32_t wrong[] = {0, 4, 35, sizeof(memory), 1u << 20, UINT32_MAX};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin(state);
        put(RSDT + 4, wrong[i]);
        expect(0, 0);
        begin(state);
        put(DSDT + 4, wrong[i]);
        expect(0x604, 0);
        begin(state);
        put(FADT + 4, wrong[i]);
        expect(0, 0);
    }
    begin(state);
    put(FADT + 4, 60); // an older one, which says less
    expect(0, 0);
    begin(state);
    put(DSDT + 4, 0x41); // its end is in the middle of what is looked for
    expect(0x604, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_how_the_machine_is_turned_off, begin),
        cmocka_unit_test_setup(test_tables_that_are_not_there, begin),
        cmocka_unit_test_setup(test_lengths_that_are_wrong, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
