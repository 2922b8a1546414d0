// Names of files, as a path spells them and as directories store them. For this directory's own
// use.
//
// A directory's long names are not turned into UTF-8: the one name that is looked for is turned
// into what they are stored as, once, and compared piece by piece where they stand.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAT32_NAME_MAX 255     // UTF-16 units of a long name
#define FAT32_NAME_SHORT 11    // bytes of an 8.3 name, without its dot
#define FAT32_NAME_PER_PART 13 // UTF-16 units in one entry of a long name

struct fat32_name {
    uint16_t units[FAT32_NAME_MAX]; // upper case
    uint16_t length;
    bool has_short;
    uint8_t short_name[FAT32_NAME_SHORT]; // as a directory stores it; only if it has one
};

// Forms NAME from LENGTH bytes of UTF-8. False: no valid UTF-8, or longer than a name can be.
bool fat32_name_set(struct fat32_name *name, const char *text, size_t length);

// How many entries the long name takes.
static inline unsigned fat32_name_parts(const struct fat32_name *name) {
    return (name->length + FAT32_NAME_PER_PART - 1u) / FAT32_NAME_PER_PART;
}

// Whether the directory entry ENTRY holds part PART, counted from 1, of NAME as a long name.
bool fat32_name_is_part(const struct fat32_name *name, unsigned part, const uint8_t *entry);

// Whether the directory entry ENTRY is named NAME by its short name.
bool fat32_name_is_short(const struct fat32_name *name, const uint8_t *entry);

// The sum of an entry's short name that the parts of its long name carry (chapter 7).
uint8_t fat32_name_checksum(const uint8_t *entry);
