#include "servers/init/acpi.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define TABLES_MOST 64u       // of the root table: more are not looked at
#define TABLE_MOST (1u << 20) // bytes of one

// The root pointer (5.2.5.3).
#define RSDP_SIZE 20u
#define RSDP_REVISION 15u
#define RSDP_RSDT 16u
#define RSDP_LONG_SIZE 36u // from revision 2 on
#define RSDP_XSDT 24u

#define HEADER 36u
#define HEADER_LENGTH 4u

// The fixed table (5.2.9).
#define FADT_DSDT 40u
#define FADT_COMMAND 48u
#define FADT_ENABLE 52u
#define FADT_CONTROL 64u
#define FADT_NEEDED 72u
#define FADT_FLAGS 112u
#define FADT_FLAGS_END 116u
#define FADT_REDUCED (1u << 20) // there are no PM1 registers
#define FADT_LONG_DSDT 140u
#define FADT_LONG_END 148u

// The interrupt controllers (5.2.12): entries of type and length.
#define MADT_ENTRIES 44u
#define MADT_IO_APIC 1u
#define MADT_IO_APIC_SIZE 12u
#define MADT_IO_APIC_ADDRESS 4u

#define AML_PACKAGE 0x12u
#define AML_BYTE 0x0au
#define AML_ONE 1u
#define S5_BYTES 16u // that its name and first value can take

struct root {
    const uint8_t *entries; // addresses of tables, WIDTH bytes each
    uint32_t count, width;
};

static uint32_t word_at(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t long_at(const uint8_t *at) { return word_at(at) | (uint64_t)word_at(at + 4) << 32; }

// The bytes of each table add up to zero.
static bool adds_up(const uint8_t *bytes, uint32_t size) {
    uint8_t sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum == 0;
}

// The table NAME at ADDRESS, and its *LENGTH; NULL when it is not that or not whole.
static const uint8_t *table_at(uint64_t address, const char *name, acpi_see *see,
                               uint32_t *length) {
    const uint8_t *table = address ? see(address, HEADER) : NULL;
    if (!table || memcmp(table, name, 4) != 0) {
        return NULL;
    }
    *length = word_at(table + HEADER_LENGTH);
    table = *length >= HEADER && *length <= TABLE_MOST ? see(address, *length) : NULL;
    return table && adds_up(table, *length) ? table : NULL;
}

// The small number at VALUE, and what is behind it; NULL: it is another thing.
static const uint8_t *small_number(const uint8_t *value, uint16_t *number) {
    *number = (value[0] == AML_BYTE ? value[1] : value[0]) & 7;
    return value[0] == AML_BYTE ? value + 2 : value[0] <= AML_ONE ? value + 1 : NULL;
}

// \\_S5 is a package: its name, what says so, its length (a byte, or more, as the first one's upper
// bits count), the number of its values, and then those for PM1a_CNT and PM1b_CNT (7.4.2, 20.2.5).
// How many of these two there are.
static unsigned sleep_types(const uint8_t *table, uint32_t length, uint16_t type[2]) {
    for (uint32_t at = HEADER; length >= S5_BYTES && at <= length - S5_BYTES; at++) {
        const uint8_t *name = table + at;
        if (memcmp(name, "_S5_", 4) != 0 || name[4] != AML_PACKAGE) {
            continue;
        }
        const uint8_t *value = small_number(name + 5 + 1 + (name[5] >> 6) + 1, &type[0]);
        return !value ? 0 : small_number(value, &type[1]) ? 2 : 1;
    }
    return 0;
}

static void read_fadt(struct acpi *found, const uint8_t *table, uint32_t size, acpi_see *see) {
    uint32_t length;
    if (size < FADT_NEEDED ||
        (size >= FADT_FLAGS_END && (word_at(table + FADT_FLAGS) & FADT_REDUCED))) {
        return;
    }
    uint64_t at = size >= FADT_LONG_END ? long_at(table + FADT_LONG_DSDT) : 0;
    const uint8_t *dsdt = table_at(at ? at : word_at(table + FADT_DSDT), "DSDT", see, &length);
    uint16_t type[2];
    const unsigned types = dsdt ? sleep_types(dsdt, length, type) : 0;
    for (unsigned i = 0; i < types; i++) {
        const uint16_t port = (uint16_t)word_at(table + FADT_CONTROL + 4 * (size_t)i);
        found->control[i] = (struct acpi_control){port, port ? type[i] : 0};
    }
    if (table[FADT_ENABLE]) {
        found->enable_port = (uint16_t)word_at(table + FADT_COMMAND);
        found->enable = table[FADT_ENABLE];
    }
}

static void read_madt(struct acpi *found, const uint8_t *table, uint32_t size) {
    for (uint32_t at = MADT_ENTRIES; at < size && size - at >= 2;) {
        const uint8_t *entry = table + at;
        if (entry[1] < 2 || entry[1] > size - at) {
            return;
        }
        if (entry[0] == MADT_IO_APIC && entry[1] >= MADT_IO_APIC_SIZE &&
            found->io_apic_count < ACPI_IO_APICS) {
            found->io_apic[found->io_apic_count++] = word_at(entry + MADT_IO_APIC_ADDRESS);
        }
        at += entry[1];
    }
}

static struct root read_root(uint64_t address, acpi_see *see) {
    uint32_t length;
    const uint8_t *table = NULL;
    const uint8_t *rsdp = address ? see(address, RSDP_SIZE) : NULL;
    if (!rsdp || memcmp(rsdp, "RSD PTR ", 8) != 0 || !adds_up(rsdp, RSDP_SIZE)) {
        return (struct root){0};
    }
    uint32_t old = word_at(rsdp + RSDP_RSDT);
    if (rsdp[RSDP_REVISION] >= 2) {
        rsdp = see(address, RSDP_LONG_SIZE);
        if (rsdp && adds_up(rsdp, RSDP_LONG_SIZE)) {
            table = table_at(long_at(rsdp + RSDP_XSDT), "XSDT", see, &length);
        }
    }
    if (table) {
        return (struct root){table + HEADER, (length - HEADER) / 8, 8};
    }
    table = table_at(old, "RSDT", see, &length);
    return table ? (struct root){table + HEADER, (length - HEADER) / 4, 4} : (struct root){0};
}

struct acpi acpi_read(uint64_t root, acpi_see *see) {
    struct acpi found = {0};
    const struct root tables = read_root(root, see);
    for (uint32_t i = 0; i < tables.count && i < TABLES_MOST; i++) {
        const uint8_t *entry = tables.entries + (size_t)i * tables.width;
        uint64_t address = tables.width == 8 ? long_at(entry) : word_at(entry);
        uint32_t size;
        const uint8_t *table;
        if (!found.control[0].port && (table = table_at(address, "FACP", see, &size))) {
            read_fadt(&found, table, size, see);
        } else if (!found.io_apic_count && (table = table_at(address, "APIC", see, &size))) {
            read_madt(&found, table, size);
        }
    }
    return found;
}
