// The image in the flash: the user programs' ELF files, written by tools/pflash.py. All numbers are
// little-endian; the CRC is zlib's (ISO-HDLC).
//
//     16 bytes   magic "pfld", version 1, count, CRC-32 of the table
//     the table  `count` entries of 48 bytes: name (NUL-padded), offset, length, CRC-32, 0
//     the files  at whole pages
//
// The flash comes from outside, and its content may be anything.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PFLASH_FILES_MAX 64
#define PFLASH_NAME_SIZE 32

struct pflash_file {
    const char *name;
    const uint8_t *data;
    size_t size;
};

// Looks at the header and the table of the `size` bytes at `bank`. NULL when they are sound, else
// what is wrong, in words; there are no files then.
const char *pflash_open(const void *bank, size_t size);

unsigned pflash_count(void);

// The file of that name. PFLASH_DAMAGED: its bytes have another CRC than the table says, which is
// looked at each time.
enum pflash_answer { PFLASH_FOUND, PFLASH_NOT_FOUND, PFLASH_DAMAGED };
enum pflash_answer pflash_find(const char *name, struct pflash_file *file);

// The name of file `index` below pflash_count().
const char *pflash_name(unsigned index);
