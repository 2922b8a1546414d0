// Static ELF64 files, little endian (System V ABI, "gABI" 4.1, chapters 4 and 5): what to load, and
// where.
//
// Only the headers need to be in memory; the file can be elsewhere, on a disk for example. Nothing
// in it is trusted: what elf_open() accepted can be loaded without another check of its numbers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/status.h"

// e_machine, the architectures there are.
#define ELF_MACHINE_X86_64 62
#define ELF_MACHINE_AARCH64 183
#define ELF_MACHINE_RISCV 243

// How much of a file's beginning is enough for what linkers make, if its headers are where they put
// them.
#define ELF_HEADERS_SIZE 4096u

struct elf_image {
    const uint8_t *program_headers;
    unsigned program_header_count;
    unsigned segment_count; // of those that are to be loaded and not empty
    uint64_t entry;         // virtual address
};

#define ELF_EXECUTE 1u
#define ELF_WRITE 2u
#define ELF_READ 4u

// A part to be loaded: FILE_SIZE bytes, then zeros up to MEMORY_SIZE, which is at least 1.
struct elf_segment {
    uint64_t virtual_address;
    uint64_t physical_address;
    uint64_t file_offset;
    uint64_t file_size;
    uint64_t memory_size;
    uint32_t flags; // ELF_EXECUTE, ELF_WRITE, ELF_READ
};

// Whether the file that begins with these SIZE bytes says that it is an ELF file.
bool elf_is(const void *file, size_t size);

// Reads the headers of an executable for MACHINE. FILE points to its first AVAILABLE bytes, which
// must stay in place as long as IMAGE is used; FILE_SIZE is how long all of it is. It has at least
// one segment; its segments lie in the file, do not overlap or run over the end of the address
// space, and ascend; the entry, virtual or physical, is in an executable one. CORRUPT: the file
// contradicts itself. UNSUPPORTED: well formed, but another kind of file. RANGE: the headers are
// not among the bytes available. *WHY is then a sentence for people.
NODISCARD enum status elf_open(const void *file, size_t available, uint64_t file_size,
                               uint16_t machine, struct elf_image *image, const char **why);

// The segment number INDEX, below segment_count, in ascending order of virtual addresses.
struct elf_segment elf_segment(const struct elf_image *image, unsigned index);
