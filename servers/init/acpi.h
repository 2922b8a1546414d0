// What init needs of a PC's firmware tables (ACPI 6.5, chapter 5): how the machine is turned off,
// and where its I/O APICs are. They are believed only as far as they reach and add up.
#pragma once

#include <stdint.h>

#define ACPI_IO_APICS 4

struct acpi {
    uint16_t control;    // the port of PM1a_CNT; 0: how the machine is turned off is unknown
    uint16_t sleep_type; // what turns the machine off there
    uint64_t io_apic[ACPI_IO_APICS]; // physical addresses
    unsigned io_apic_count;          // 0: unknown
};

// Makes SIZE bytes of physical memory visible to init; NULL where that can't be.
typedef const uint8_t *acpi_see(uint64_t address, uint64_t size);

// Reads the tables from ROOT (the RSDP's physical address) on.
struct acpi acpi_read(uint64_t root, acpi_see *see);
