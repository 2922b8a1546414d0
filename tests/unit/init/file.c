#include "tests/unit/init/file.h"

#include <string.h>

#include "libs/elf/elf.h"

// Offsets and sizes are those of the specification's tables ("gABI" 4.1, chapters 4 and 5).
#define HEADER 64
#define PROGRAM_HEADER 56
#define SECTION_HEADER 64ul
#define SECTIONS_AT 0x200u // none, text, symbols, names
#define SYMBOLS_AT 0x300u  // none and one
#define NAMES_AT 0x340u
#define DATA_AT 0x400u

static void put(uint8_t *at, uint64_t value, size_t size) { memcpy(at, &value, size); }

struct file_plan file_plan(void) {
    return (struct file_plan){
        .machine = ELF_MACHINE_RISCV,
        .entry = FILE_TEXT + 0x100,
        .count = 3,
        .segment =
            {
                {ELF_READ | ELF_EXECUTE, 0, FILE_TEXT, FILE_BYTES, FILE_BYTES},
                {ELF_READ | ELF_WRITE, DATA_AT, FILE_DATA + 0x10, 0x20, 0x1100},
                {ELF_READ | ELF_WRITE, 0, FILE_STACK, 0, 0x1000},
            },
        .symbol = "worker_serve",
    };
}

static void put_section(uint8_t *at, uint32_t type, uint64_t flags, uint64_t address,
                        uint64_t offset, uint64_t size) {
    put(at + 4, type, 4);
    put(at + 8, flags, 8);
    put(at + 16, address, 8);
    put(at + 24, offset, 8);
    put(at + 32, size, 8);
}

static void put_symbols(const struct file_plan *plan, uint8_t *to) {
    uint8_t *section = to + SECTIONS_AT;
    uint8_t *symbol = to + SYMBOLS_AT + 24;
    put(to + 40, SECTIONS_AT, 8);
    put(to + 58, SECTION_HEADER, 2);
    put(to + 60, 4, 2);
    put_section(section + SECTION_HEADER, 1, 6, FILE_TEXT, 0, FILE_BYTES);
    put_section(section + 2 * SECTION_HEADER, 2, 0, 0, SYMBOLS_AT, 48);
    put(section + 2 * SECTION_HEADER + 40, 3, 4); // its names' section
    put(section + 2 * SECTION_HEADER + 56, 24, 8);
    put_section(section + 3 * SECTION_HEADER, 3, 0, 0, NAMES_AT, DATA_AT - NAMES_AT);
    put(symbol, 1, 4);
    put(symbol + 4, 2, 1); // a function
    put(symbol + 6, 1, 2);
    put(symbol + 8, FILE_TEXT + 0x40, 8);
    strncpy((char *)to + NAMES_AT + 1, plan->symbol, DATA_AT - NAMES_AT - 2);
}

void file_make(const struct file_plan *plan, uint8_t *to) {
    memset(to, 0, FILE_BYTES);
    memcpy(to, "\177ELF\2\1\1", 7);
    put(to + 16, 2, 2); // an executable
    put(to + 18, plan->machine, 2);
    put(to + 20, 1, 4);
    put(to + 24, plan->entry, 8);
    put(to + 32, HEADER, 8);
    put(to + 52, HEADER, 2);
    put(to + 54, PROGRAM_HEADER, 2);
    put(to + 56, plan->count, 2);
    for (unsigned i = 0; i < plan->count; i++) {
        const struct file_segment *segment = &plan->segment[i];
        uint8_t *at = to + HEADER + (size_t)PROGRAM_HEADER * i;
        put(at, 1, 4); // to be loaded
        put(at + 4, segment->flags, 4);
        put(at + 8, segment->offset, 8);
        put(at + 16, segment->address, 8);
        put(at + 24, segment->address, 8);
        put(at + 32, segment->file_size, 8);
        put(at + 40, segment->memory_size, 8);
        put(at + 48, 1, 8);
    }
    memset(to + DATA_AT, 0x5a, 0x20);
    if (plan->symbol) {
        put_symbols(plan, to);
    }
}
