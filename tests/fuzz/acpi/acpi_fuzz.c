// Whatever a PC's loader and firmware leave in memory: nothing beyond what is asked for is read,
// and the RAM that is found is pages, in order, none twice, between the bounds.
//
// The input is physical memory from BASE on. Each piece that is looked at is a copy of its own, so
// that the address sanitizer sees a byte too many. Sums are made right on the way: nobody finds a
// checksum by chance.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "servers/init/acpi.h"
#include "servers/init/pc.h"

#define BASE 0x100000ull
#define LOW 0x200000ull
#define HIGH (1ull << 40)
#define HEADER 36u
#define PIECES 4096

static const uint8_t *memory;
static size_t memory_size;
static bool add_up;
static uint8_t *pieces[PIECES];
static unsigned piece_count;

static void check(bool condition) {
    if (!condition) {
        abort();
    }
}

static void make_sum(uint8_t *bytes, uint64_t size, unsigned where) {
    uint8_t sum = 0;
    for (uint64_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    bytes[where] = (uint8_t)(bytes[where] - sum);
}

static const uint8_t *see(uint64_t address, uint64_t size) {
    uint64_t offset = address - BASE;
    if (offset > memory_size || size > memory_size - offset || piece_count == PIECES) {
        return NULL;
    }
    uint8_t *piece = malloc(size ? size : 1);
    check(piece);
    memcpy(piece, memory + offset, size);
    if (add_up && size >= 20 && memcmp(piece, "RSD PTR ", 8) == 0) {
        make_sum(piece, 20, 8);
        if (size >= 36) {
            make_sum(piece, 36, 32);
        }
    } else if (add_up && size >= HEADER) {
        make_sum(piece, size, 9);
    }
    pieces[piece_count++] = piece;
    return piece;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    memory = data;
    memory_size = size;
    add_up = false;
    struct pc pc = pc_read(BASE, LOW, HIGH, see);
    check(pc.ram_count <= PC_RAM);
    uint64_t end = 0;
    for (unsigned i = 0; i < pc.ram_count; i++) {
        const struct manifest_range *ram = &pc.ram[i];
        check(ram->size && ram->address >= end && (ram->address | ram->size) % 4096 == 0);
        end = ram->address + ram->size;
        check(end > LOW && end <= HIGH);
    }
    add_up = true;
    struct acpi acpi = acpi_read(pc.rsdp, see);
    check(acpi.io_apic_count <= ACPI_IO_APICS && acpi.control[0].sleep_type <= 7 &&
          acpi.control[1].sleep_type <= 7);
    while (piece_count) {
        free(pieces[--piece_count]);
    }
    return 0;
}
