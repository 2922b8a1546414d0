// A server's ELF file, made by hand: two or three segments, a table of symbols, and numbers that a
// test can spoil.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FILE_SEGMENTS 4
#define FILE_BYTES 3072
#define FILE_TEXT 0x10000ull // where the first segment lies
#define FILE_DATA 0x12000ull // the second one, and behind it
#define FILE_STACK 0x15000ull

struct file_segment {
    uint32_t flags; // ELF_READ, ...
    uint64_t offset, address, file_size, memory_size;
};

struct file_plan {
    uint16_t machine;
    uint64_t entry;
    unsigned count;
    struct file_segment segment[FILE_SEGMENTS];
    const char *symbol; // at FILE_TEXT + 0x40; NULL: the file has no symbols
};

// What a linker makes of a small server: text and headers, data with zeros behind it, a stack
// behind a page that is left free.
struct file_plan file_plan(void);

// Writes the file to the FILE_BYTES at TO, which is aligned to 8.
void file_make(const struct file_plan *plan, uint8_t *to);
