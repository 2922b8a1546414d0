#include "libs/elf/symbol.h"

#include <stdbool.h>
#include <string.h>

#include "libs/elf/elf.h"
#include "libs/elf/format.h"

#define SECTION_PROGRAM 1
#define SECTION_SYMBOLS 2
#define SECTION_STRINGS 3
#define SECTION_EXECUTE 4u // in flags
#define SYMBOL_TYPE 15u    // of info
#define SYMBOL_LABEL 0u
#define SYMBOL_FUNCTION 2u

// What a lookup reads: checked against the file's size before anything is.
struct symbol_tables {
    const struct elf_symbol *symbols, *end;
    const char *names; // the last byte is NUL
    uint64_t names_size;
    uint64_t code_begin; // the executable section's with the address
    unsigned code;       // its index
};

static bool is_aligned(const void *at) { return ((uintptr_t)at & 7) == 0; }

// The part of the file that a section says it has; NULL: the file ends before it does.
static const void *section_content(const void *file, size_t size,
                                   const struct elf_section_header *section) {
    if (section->offset > size || section->size > size - section->offset)
        return NULL;
    return (const uint8_t *)file + section->offset;
}

// The section headers, and how many there are; NULL: none that can be read. Tables that are not
// aligned as the format demands are refused, so that they can be read where they are.
static const struct elf_section_header *section_headers(const void *file, size_t size,
                                                        unsigned *count) {
    const struct elf_header *header = file;
    if (!elf_is(file, size) || size < sizeof(*header) || !is_aligned(file) ||
        header->class != ELF_CLASS_64 || header->data != ELF_DATA_LITTLE_ENDIAN ||
        header->type != ELF_TYPE_EXECUTABLE ||
        header->section_header_size != sizeof(struct elf_section_header))
        return NULL;
    *count = header->section_header_count;
    struct elf_section_header all = {
        .offset = header->section_headers,
        .size = *count * sizeof(struct elf_section_header),
    };
    const void *sections = section_content(file, size, &all);
    return is_aligned(sections) ? sections : NULL;
}

static bool find_names(const void *file, size_t size, const struct elf_section_header *section,
                       struct symbol_tables *tables) {
    tables->names = section_content(file, size, section);
    tables->names_size = section->size;
    return section->type == SECTION_STRINGS && tables->names != NULL && section->size != 0 &&
           tables->names[section->size - 1] == '\0';
}

static bool find_tables(const void *file, size_t size, uint64_t address,
                        struct symbol_tables *tables) {
    unsigned count = 0, symbols = 0; // the section numbered 0 is none
    const struct elf_section_header *sections = section_headers(file, size, &count);
    if (sections == NULL)
        return false;
    *tables = (struct symbol_tables){0};
    for (unsigned i = 1; i < count; i++) {
        const struct elf_section_header *section = &sections[i];
        if (section->type == SECTION_SYMBOLS) {
            symbols = i;
        } else if (section->type == SECTION_PROGRAM && (section->flags & SECTION_EXECUTE) &&
                   address >= section->address && address - section->address < section->size) {
            tables->code = i;
            tables->code_begin = section->address;
        }
    }
    const struct elf_section_header *table = &sections[symbols];
    if (symbols == 0 || tables->code == 0 || table->entry_size != sizeof(struct elf_symbol) ||
        table->link >= count)
        return false;
    tables->symbols = section_content(file, size, table);
    if (tables->symbols == NULL || !is_aligned(tables->symbols))
        return false;
    tables->end = tables->symbols + table->size / sizeof(struct elf_symbol);
    return find_names(file, size, &sections[table->link], tables);
}

// Whether it is a function or a label of the program's in the section.
static bool is_named(const struct symbol_tables *tables, const struct elf_symbol *symbol) {
    unsigned type = symbol->info & SYMBOL_TYPE;
    if ((type != SYMBOL_FUNCTION && type != SYMBOL_LABEL) || symbol->section != tables->code ||
        symbol->name >= tables->names_size)
        return false;
    char first = tables->names[symbol->name];
    return first != '\0' && first != '$' && first != '.';
}

const char *elf_symbol(const void *file, size_t size, uint64_t address, uint64_t *offset) {
    struct symbol_tables tables;
    if (!find_tables(file, size, address, &tables))
        return NULL;
    const struct elf_symbol *best = NULL;
    uint64_t nearest = address - tables.code_begin;
    for (const struct elf_symbol *symbol = tables.symbols; symbol < tables.end; symbol++) {
        // One comparison for most of them, as guests wait: what begins behind ADDRESS is far away.
        uint64_t distance = address - symbol->value;
        if (distance > nearest || !is_named(&tables, symbol))
            continue;
        if (best != NULL && distance == nearest &&
            ((best->info & SYMBOL_TYPE) == SYMBOL_FUNCTION ||
             (symbol->info & SYMBOL_TYPE) != SYMBOL_FUNCTION))
            continue;
        best = symbol;
        nearest = distance;
    }
    if (best == NULL)
        return NULL;
    *offset = nearest;
    return tables.names + best->name;
}
