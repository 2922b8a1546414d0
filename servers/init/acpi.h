// What init needs of a PC's firmware tables (ACPI 6.5, chapter 5): how the machine is turned off,
// and where its I/O APICs are. They are believed only as far as they reach and add up.
#pragma once

#include <stdint.h>

#define ACPI_IO_APICS 4

// One of the two registers by which the machine is turned off.
struct acpi_control {
    uint16_t port;       // 0: there is none, or what turns the machine off is unknown
    uint16_t sleep_type; // what turns it off there
};

struct acpi {
    struct acpi_control control[2]; // PM1a_CNT and PM1b_CNT, which must both be written if present
    // The port, and what is to be written there, that makes the firmware leave these registers to
    // others (4.8.2.1); 0: they are ours already.
    uint16_t enable_port;
    uint8_t enable;
    uint64_t io_apic[ACPI_IO_APICS]; // physical addresses
    unsigned io_apic_count;          // 0: unknown
};

// Makes SIZE bytes of physical memory visible to init; NULL where that can't be.
typedef const uint8_t *acpi_see(uint64_t address, uint64_t size);

// Reads the tables from ROOT (the RSDP's physical address) on.
struct acpi acpi_read(uint64_t root, acpi_see *see);
