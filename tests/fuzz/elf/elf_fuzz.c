// Whatever bytes a file has: what elf_open() accepts can be loaded without another check, and a
// symbol's name lies in the file.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libs/elf/elf.h"
#include "libs/elf/symbol.h"

#define FILE_SIZE 100000u // how long the file claims to be; its beginning is the input

static void check(bool condition) {
    if (!condition)
        abort();
}

static void check_accepted(const struct elf_image *image) {
    uint64_t end = 0;
    bool entry_found = false;
    check(image->segment_count >= 1 && image->segment_count <= image->program_header_count);
    for (unsigned i = 0; i < image->segment_count; i++) {
        struct elf_segment segment = elf_segment(image, i);
        check(segment.memory_size >= 1 && segment.file_size <= segment.memory_size);
        check(segment.file_offset <= FILE_SIZE &&
              segment.file_size <= FILE_SIZE - segment.file_offset);
        check(segment.virtual_address >= end);
        check(segment.memory_size <= UINT64_MAX - segment.virtual_address);
        check(segment.memory_size <= UINT64_MAX - segment.physical_address);
        check((segment.flags & ~7u) == 0);
        end = segment.virtual_address + segment.memory_size;
        if ((segment.flags & ELF_EXECUTE) && image->entry >= segment.virtual_address &&
            image->entry < end)
            entry_found = true;
    }
    check(entry_found);
}

static void check_symbol(const uint8_t *file, size_t size, uint64_t address) {
    uint64_t offset;
    const char *name = elf_symbol(file, size, address, &offset);
    if (name == NULL)
        return;
    check(name >= (const char *)file && name < (const char *)file + size);
    check(memchr(name, 0, size - (size_t)(name - (const char *)file)) != NULL);
    check(*name != 0 && *name != '.' && *name != '$' && offset <= address);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size > FILE_SIZE)
        return 0;
    uint8_t *file = malloc(size); // at an address of its own, watched by the address sanitizer
    memcpy(file, bytes, size);
    const uint64_t sizes[] = {FILE_SIZE, size};
    for (unsigned i = 0; i < 2; i++) {
        struct elf_image image;
        const char *why = NULL;
        enum status status = elf_open(file, size, sizes[i], ELF_MACHINE_RISCV, &image, &why);
        if (status == STATUS_OK)
            check_accepted(&image);
        else
            check(why != NULL);
    }
    // Addresses that the input chooses: the entry, sections' beginnings, symbols' values.
    for (size_t at = 24; at + 8 <= size && at < 1000; at += 8) {
        uint64_t address;
        memcpy(&address, file + at, sizeof(address));
        check_symbol(file, size, address);
        check_symbol(file, size, address + 4);
    }
    free(file);
    return 0;
}
