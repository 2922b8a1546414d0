// A read-only FAT32 file system (Microsoft, "FAT32 File System Specification", version 1.03).
//
// Nothing on the disk is trusted: whatever contradicts itself ends in STATUS_CORRUPT, every loop
// has a bound, and fat32_error_text() says what was wrong and where. All state is in the caller's
// structs; one thread uses a volume at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/status.h"
#include "libs/fat32/block_reader.h"

#define FAT32_WINDOW_SIZE 4096u // the largest sector size FAT knows
#define FAT32_LABEL_SIZE 96
#define FAT32_ERROR_SIZE 256

// A mounted volume. The two windows are what is read in small pieces. Each begins on a page and is
// as long, so a reader that gives addresses to a device finds it physically contiguous.
struct fat32 {
    // Part of the file allocation table.
    _Alignas(FAT32_WINDOW_SIZE) uint32_t fat_window[FAT32_WINDOW_SIZE / sizeof(uint32_t)];
    // Part of a directory, or of a file where less than a sector of it was wanted.
    _Alignas(FAT32_WINDOW_SIZE) uint8_t data_window[FAT32_WINDOW_SIZE];

    uint32_t fat_window_first; // the cluster whose entry is the window's first
    uint32_t fat_window_count; // valid entries; 0: none yet
    uint64_t data_window_at;   // byte address on the disk
    uint32_t data_window_size; // valid bytes; 0: none yet

    struct block_reader reader;
    uint64_t fat_sector;    // where the FAT in use begins, in the reader's sectors
    uint32_t fat_sectors;   // how long it is, in the reader's sectors
    uint64_t data_at;       // byte address of cluster 2, the first
    uint32_t cluster_limit; // the first number that names no cluster
    uint32_t root_cluster;
    uint8_t sector_shift;  // log2 of the volume's sector size in bytes
    uint8_t cluster_shift; // log2 of the cluster size in bytes

    char error[FAT32_ERROR_SIZE];
};

// A file's or directory's cluster chain, and the part of it that was last used: RUN clusters, which
// lie one behind the other on the disk, hold the chain's clusters INDEX, INDEX + 1, ...
struct fat32_chain {
    uint32_t first;
    uint32_t index;
    uint32_t cluster; // of INDEX
    uint32_t run;
    char label[FAT32_LABEL_SIZE]; // whose chain it is, for messages
};

// An open file. It stays valid as long as its volume; there is nothing to close.
struct fat32_file {
    struct fat32 *volume;
    uint32_t size; // in bytes
    struct fat32_chain chain;
};

// Mounts the volume that begins at the reader's first sector (chapter 3.1: the BPB). A partition
// table is not looked for. CORRUPT: not a FAT volume, or one that contradicts itself or is larger
// than the disk. UNSUPPORTED: FAT12, FAT16, exFAT, NTFS or a later version of FAT32. Else what the
// reader answered.
NODISCARD enum status fat32_mount(struct fat32 *volume, const struct block_reader *reader);

// Opens the file named by PATH: UTF-8, absolute, its parts separated by '/'. Long and 8.3 names are
// found, without regard to case. NOT_FOUND: the message says which part is missing. INVALID: the
// path is malformed, or names a directory, or goes through a file. CORRUPT: a directory on the way
// is broken.
NODISCARD enum status fat32_open(struct fat32 *volume, const char *path, struct fat32_file *file);

// Reads at most LENGTH bytes from byte OFFSET on into BUFFER and stores how many in *DONE: fewer
// than LENGTH only at the file's end, none behind it. Whole sectors go straight from the disk into
// BUFFER, one read for each stretch that is contiguous on the disk. What follows the *DONE bytes in
// BUFFER, up to LENGTH, is undefined: where there is room for it, the file's last sector is read
// with what lies behind the file's end. CORRUPT: the chain is broken, or does not fit the file's
// size; this is checked for what was read, and up to the chain's end when the file's last byte is
// among it.
NODISCARD enum status fat32_read(struct fat32_file *file, uint64_t offset, void *buffer,
                                 size_t length, size_t *done);

// What was wrong in the call that failed last, and where: a sentence without a full stop, for
// people.
static inline const char *fat32_error_text(const struct fat32 *volume) { return volume->error; }
