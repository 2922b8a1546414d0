// What whoever loaded the core tells of a PC: PVH's start information (Xen's docs/misc/pvh.pandoc),
// or what Multiboot2 tells (version 2.0, 3.6). Believed only as far as it reaches.
#pragma once

#include <stdbool.h>

#include "libs/manifest/manifest.h"
#include "servers/init/acpi.h"

#define PC_RAM 4
#define PC_ENTRIES 256 // of a memory map that is read: firmware makes many small pieces

struct pc {
    struct manifest_range ram[PC_RAM]; // whole pages, the largest pieces, ascending
    unsigned ram_count;
    bool is_long;  // the memory map is longer than what is read, and was not
    uint64_t rsdp; // physical address of ACPI's first table; 0: unknown
};

// Reads it at physical ADDRESS. RAM is what ends above LOW and lies below HIGH. Nothing is found
// where neither of the two forms is there.
struct pc pc_read(uint64_t address, uint64_t low, uint64_t high, acpi_see *see);

// What is wrong with the machine, or with what MANIFEST says of it, whose CORE takes that memory;
// NULL: nothing. The core itself has found that there is memory, and not whether it may be used.
const char *pc_refuse(const struct pc *pc, const struct acpi *acpi, struct manifest_range core,
                      const struct manifest *manifest);
