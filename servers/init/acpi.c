#include "servers/init/acpi.h"

#include <stddef.h>
#include <string.h>

#define TABLES_MOST 64u       // of the root table: more are not looked at
#define TABLE_MOST (1u << 20) // bytes of one
#define RSDP_SIZE 20u
#define RSDP_RSDT 16u // where it names the root table
#define HEADER 36u
#define HEADER_LENGTH 4u
#define FADT_DSDT 40u
#define FADT_CONTROL 64u
#define FADT_NEEDED 68u
#define AML_PACKAGE 0x12u
#define AML_BYTE 0x0au

static uint32_t word_at(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

// The table at ADDRESS, and its *LENGTH; NULL when there is none.
static const uint8_t *table_at(uint64_t address, acpi_see *see, uint32_t *length) {
    const uint8_t *header = address ? see(address, HEADER) : NULL;
    *length = header ? word_at(header + HEADER_LENGTH) : 0;
    return *length >= HEADER && *length <= TABLE_MOST ? see(address, *length) : NULL;
}

// \\_S5 is a package: its name, what says so, its length (a byte, or more, as the first one's upper
// bits count), the number of its values, and then those for PM1a_CNT and PM1b_CNT (7.4.2, 20.2.5).
static uint16_t sleep_type(const uint8_t *table, uint32_t length) {
    for (uint32_t at = HEADER; length >= HEADER + 16 && at < length - 16; at++) {
        const uint8_t *name = table + at;
        if (memcmp(name, "_S5_", 4) == 0 && name[4] == AML_PACKAGE) {
            const uint8_t *value = name + 5 + (name[5] >> 6) + 2;
            return (value[0] == AML_BYTE ? value[1] : value[0]) & 7;
        }
    }
    return 0;
}

struct acpi acpi_read(uint64_t root, acpi_see *see) {
    struct acpi found = {0};
    uint32_t length, size;
    const uint8_t *rsdp = root ? see(root, RSDP_SIZE) : NULL;
    const uint8_t *tables = rsdp ? table_at(word_at(rsdp + RSDP_RSDT), see, &length) : NULL;
    uint32_t count = tables ? (length - HEADER) / 4 : 0;
    for (uint32_t i = 0; i < count && i < TABLES_MOST; i++) {
        const uint8_t *table = table_at(word_at(tables + HEADER + 4ull * i), see, &size);
        if (table && size >= FADT_NEEDED && memcmp(table, "FACP", 4) == 0) {
            const uint8_t *dsdt = table_at(word_at(table + FADT_DSDT), see, &length);
            found.control = (uint16_t)word_at(table + FADT_CONTROL);
            found.sleep_type = dsdt ? sleep_type(dsdt, length) : 0;
            break;
        }
    }
    return found;
}
