#include "libs/fat32/directory.h"

#include <string.h>

// A directory's entries (chapter 6).
#define ENTRY_SIZE 32u
#define ENTRIES_MOST 65536u // a directory is at most 2 MiB long
#define ENTRY_LAST 0x00     // first byte: no entry here or behind
#define ENTRY_DELETED 0xe5
#define ENTRY_ATTRIBUTES 11
#define ENTRY_CLUSTER_HIGH 20
#define ENTRY_CLUSTER_LOW 26
#define ENTRY_FILE_SIZE 28

#define ATTRIBUTE_VOLUME 0x08 // the volume's label
#define ATTRIBUTE_DIRECTORY 0x10
#define ATTRIBUTE_MASK 0x3f
#define ATTRIBUTE_LONG 0x0f // a part of a long name (chapter 7)

#define PART_LAST 0x40 // the name's last part, which comes first
#define PART_NUMBER 0x3f
#define PART_CHECKSUM 13

// How much of a matching long name has passed by. The parts come last to first, directly in front
// of the entry they belong to, which is proved by a checksum of its short name: older systems
// rename, delete and move entries without knowing of the parts.
struct progress {
    unsigned expected; // the part that must come next; 0: all came
    uint8_t checksum;
    bool matches;
};

static void take_part(struct progress *progress, const struct fat32_name *name,
                      const uint8_t *entry) {
    unsigned part = entry[0] & PART_NUMBER;
    if (entry[0] & PART_LAST) {
        progress->matches = part == fat32_name_parts(name);
        progress->expected = part;
        progress->checksum = entry[PART_CHECKSUM];
    }
    progress->matches = progress->matches && part != 0 && part == progress->expected &&
                        entry[PART_CHECKSUM] == progress->checksum &&
                        fat32_name_is_part(name, part, entry);
    progress->expected = part - 1;
}

static uint32_t get16(const uint8_t *bytes) { return bytes[0] | (uint32_t)bytes[1] << 8; }

static struct fat32_entry decode(const uint8_t *entry) {
    return (struct fat32_entry){
        .is_directory = entry[ENTRY_ATTRIBUTES] & ATTRIBUTE_DIRECTORY,
        .cluster = get16(entry + ENTRY_CLUSTER_HIGH) << 16 | get16(entry + ENTRY_CLUSTER_LOW),
        .size = get16(entry + ENTRY_FILE_SIZE) | get16(entry + ENTRY_FILE_SIZE + 2) << 16,
    };
}

// Whether ENTRY is the one looked for.
static bool take_entry(struct progress *progress, const struct fat32_name *name,
                       const uint8_t *entry) {
    uint8_t attributes = entry[ENTRY_ATTRIBUTES];
    if (entry[0] != ENTRY_DELETED && (attributes & ATTRIBUTE_MASK) == ATTRIBUTE_LONG) {
        take_part(progress, name, entry);
        return false;
    }
    bool long_name = progress->matches && progress->expected == 0;
    progress->matches = false;
    if (entry[0] == ENTRY_DELETED || (attributes & ATTRIBUTE_VOLUME))
        return false;
    if (long_name && fat32_name_checksum(entry) == progress->checksum)
        return true;
    return fat32_name_is_short(name, entry);
}

enum status fat32_directory_find(struct fat32 *volume, struct fat32_chain *directory,
                                 const struct fat32_name *name, struct fat32_entry *found) {
    struct progress progress = {0};
    for (uint32_t offset = 0; offset < ENTRIES_MOST * ENTRY_SIZE;) {
        const uint8_t *bytes;
        uint32_t size;
        enum status status = fat32_chain_window(volume, directory, offset, &bytes, &size);
        if (status != STATUS_OK)
            return status;
        for (uint32_t at = 0; at < size; at += ENTRY_SIZE) {
            if (bytes[at] == ENTRY_LAST)
                return STATUS_NOT_FOUND;
            if (take_entry(&progress, name, bytes + at)) {
                *found = decode(bytes + at);
                return STATUS_OK;
            }
        }
        offset += size;
    }
    return fat32_fail(
        volume, STATUS_CORRUPT,
        "the directory %s has more than %u entries: its cluster chain runs in a circle",
        directory->label, ENTRIES_MOST);
}
