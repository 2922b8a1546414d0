// What init needs of a PC's firmware tables (ACPI 6.5, chapter 5): how the machine is turned off.
// They are believed only as far as they reach.
#pragma once

#include <stdint.h>

struct acpi {
    uint16_t control;    // the port of PM1a_CNT; 0: unknown
    uint16_t sleep_type; // what turns the machine off there
};

// Makes SIZE bytes of physical memory visible to init; NULL where that can't be.
typedef const uint8_t *acpi_see(uint64_t address, uint64_t size);

// Reads the tables from ROOT (the RSDP's physical address) on.
struct acpi acpi_read(uint64_t root, acpi_see *see);
