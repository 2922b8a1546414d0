// Disk images made by mkfs.fat and mtools, for the tests of FAT32. What a file holds is made here
// from a number, written to the host, copied by mtools, and compared with what the library reads.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libs/fat32/fat32.h"

struct disk {
    char directory[40];
    int image;
    struct block_reader reader;

    // What the reader was asked for since disk_reset_counts().
    unsigned reads;
    uint64_t sectors;
    // A read that touches this sector ends in this status.
    uint64_t bad_sector;
    enum status bad_status;
};

// Makes an image with room for CLUSTERS clusters, formatted with sectors of SECTOR_SIZE bytes and
// clusters of SECTORS sectors. Below 65525 clusters mtools takes it for FAT16 and cannot fill it.
void disk_make(struct disk *disk, unsigned sector_size, unsigned sectors, unsigned clusters);
void disk_remove(struct disk *disk);

// Runs a shell command in the disk's own directory, where the image is called "image". It must
// succeed.
void disk_run(const struct disk *disk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// The first line that such a command prints.
void disk_ask(const struct disk *disk, char *answer, size_t size, const char *command);

// Copies a file of SIZE bytes made from SEED to PATH, an absolute one.
void disk_put(const struct disk *disk, const char *path, uint32_t seed, size_t size);
// The bytes of such a file; the caller frees them.
uint8_t *disk_content(uint32_t seed, size_t size);

// Opens the file at PATH and compares all of it, read in pieces of PIECE bytes.
void disk_expect(struct fat32 *volume, const char *path, uint32_t seed, size_t size, size_t piece);

// Copies a file that is not contiguous: it fills the holes that every other of 24 deleted files
// left.
void disk_put_fragmented(const struct disk *disk, const char *path, uint32_t seed, size_t size,
                         size_t hole);

// Changes the image behind mtools' back.
void disk_poke(const struct disk *disk, uint64_t at, const void *bytes, size_t size);
void disk_poke32(const struct disk *disk, uint64_t at, uint32_t value);

void disk_reset_counts(struct disk *disk);
