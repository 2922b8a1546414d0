// Loading a static ELF program (ELF-64 Object File Format 1.5) into a space.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/gkernel/space.h"

#define ELF_SEGMENTS_MAX 16
#define ELF_SEGMENT_SIZE 56

struct elf_program {
    uint64_t entry;
    const void
        *headers; // the program headers in the file, `header_count` of ELF_SEGMENT_SIZE bytes
    unsigned header_count;
};

// Adds a region for each segment and sets the heap's start behind the last; the file is read when
// its pages are touched, so it must stay. NULL when that worked; else what is wrong with it, in
// words, and the space is to be released.
const char *elf_load(struct space *space, const uint8_t *file, size_t size,
                     struct elf_program *program);
