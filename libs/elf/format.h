// The tables of an ELF64 file as they lie in it (System V ABI, "gABI" 4.1, chapters 4 and 5), for
// the files of this folder.
#pragma once

#include <assert.h>
#include <stdint.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tables are used as they are read");

struct elf_header {
    uint8_t magic[4];
    uint8_t class;
    uint8_t data;
    uint8_t ident_version;
    uint8_t rest[9];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t program_headers;
    uint64_t section_headers;
    uint32_t flags;
    uint16_t header_size;
    uint16_t program_header_size;
    uint16_t program_header_count;
    uint16_t section_header_size;
    uint16_t section_header_count;
    uint16_t section_names;
};

// Chapter 5.
struct elf_program_header {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t virtual_address;
    uint64_t physical_address;
    uint64_t file_size;
    uint64_t memory_size;
    uint64_t alignment;
};

struct elf_section_header {
    uint32_t name;
    uint32_t type;
    uint64_t flags;
    uint64_t address;
    uint64_t offset;
    uint64_t size;
    uint32_t link;
    uint32_t info;
    uint64_t alignment;
    uint64_t entry_size;
};

struct elf_symbol {
    uint32_t name;
    uint8_t info; // binding, type
    uint8_t other;
    uint16_t section;
    uint64_t value;
    uint64_t size;
};

static_assert(sizeof(struct elf_header) == 64, "the file has this layout");
static_assert(sizeof(struct elf_program_header) == 56, "the file has this layout");
static_assert(sizeof(struct elf_section_header) == 64, "the file has this layout");
static_assert(sizeof(struct elf_symbol) == 24, "the file has this layout");

#define ELF_CLASS_64 2
#define ELF_DATA_LITTLE_ENDIAN 1
#define ELF_VERSION_CURRENT 1
#define ELF_TYPE_EXECUTABLE 2
#define ELF_TYPE_SHARED 3 // position independent
