#include <string.h>

#include "libs/fat32/chain.h"
#include "libs/fat32/directory.h"
#include "libs/fat32/name.h"

#define DEPTH_MOST 32        // directories in a path
#define READ_MOST (1u << 31) // bytes in one read, so that 32 bits hold their number

// A path being followed.
struct walk {
    const char *path;
    size_t start; // of the part that is looked for
    size_t end;
    unsigned depth;
    uint32_t directories[DEPTH_MOST]; // first clusters of those passed, to notice one within itself
};

// Finds the next part of the path. False: there is none.
static bool next_part(struct walk *walk) {
    walk->start = walk->end;
    while (walk->path[walk->start] == '/')
        walk->start++;
    walk->end = walk->start + strcspn(walk->path + walk->start, "/");
    return walk->end > walk->start;
}

// Looks up the current part in the directory CHAIN.
static enum status find_part(struct fat32 *volume, const struct walk *walk,
                             struct fat32_chain *chain, struct fat32_entry *found) {
    const char *part = walk->path + walk->start;
    size_t length = walk->end - walk->start;
    struct fat32_name name;
    if (!fat32_name_set(&name, part, length))
        return fat32_fail(volume, STATUS_INVALID,
                          "a part of the path %s is no valid UTF-8, or longer than %u characters",
                          walk->path, FAT32_NAME_MAX);
    if (length <= 2 && memcmp(part, "..", length) == 0)
        return fat32_fail(volume, STATUS_INVALID, "the path %s must do without . and ..",
                          walk->path);
    enum status status = fat32_directory_find(volume, chain, &name, found);
    if (status == STATUS_NOT_FOUND)
        return fat32_fail(volume, STATUS_NOT_FOUND, "there is no %.*s in %s",
                          (int)(length < FAT32_ERROR_SIZE ? length : FAT32_ERROR_SIZE), part,
                          chain->label);
    return status;
}

// Makes CHAIN the directory that the current part turned out to be.
static enum status enter_directory(struct fat32 *volume, struct walk *walk,
                                   struct fat32_chain *chain, const struct fat32_entry *entry) {
    for (unsigned i = 0; i < walk->depth; i++) {
        if (entry->cluster == walk->directories[i])
            return fat32_fail(volume, STATUS_CORRUPT,
                              "the directory %.*s of the path %s lies in itself",
                              (int)(walk->end - walk->start), walk->path + walk->start, walk->path);
    }
    if (walk->depth == DEPTH_MOST)
        return fat32_fail(volume, STATUS_RANGE, "the path %s goes through more than %u directories",
                          walk->path, DEPTH_MOST);
    walk->directories[walk->depth++] = entry->cluster;
    return fat32_chain_begin(volume, chain, entry->cluster, walk->path, walk->end);
}

static enum status begin_file(struct fat32_file *file, struct fat32 *volume,
                              const struct walk *walk, const struct fat32_entry *entry) {
    file->volume = volume;
    file->size = entry->size;
    enum status status =
        fat32_chain_begin(volume, &file->chain, entry->cluster, walk->path, walk->end);
    if (entry->size == 0)
        return STATUS_OK; // an empty file has no clusters
    if (status != STATUS_OK)
        return status;
    uint64_t most = (uint64_t)(volume->cluster_limit - 2) << volume->cluster_shift;
    if (entry->size > most)
        return fat32_fail(volume, STATUS_CORRUPT,
                          "%s has a size of %u bytes, the whole volume holds %llu", walk->path,
                          entry->size, (unsigned long long)most);
    return STATUS_OK;
}

enum status fat32_open(struct fat32 *volume, const char *path, struct fat32_file *file) {
    if (path[0] != '/')
        return fat32_fail(volume, STATUS_INVALID, "the path %s does not begin with /", path);
    struct walk walk = {.path = path, .depth = 1, .directories = {volume->root_cluster}};
    enum status status = fat32_chain_begin(volume, &file->chain, volume->root_cluster, "/", 1);
    while (status == STATUS_OK && next_part(&walk)) {
        struct fat32_entry entry = {0};
        status = find_part(volume, &walk, &file->chain, &entry);
        if (status != STATUS_OK)
            return status;
        if (!entry.is_directory && path[walk.end] != '\0')
            return fat32_fail(volume, STATUS_INVALID, "%.*s is a file, not a directory",
                              (int)walk.end, path);
        if (!entry.is_directory)
            return begin_file(file, volume, &walk, &entry);
        status = enter_directory(volume, &walk, &file->chain, &entry);
    }
    if (status != STATUS_OK)
        return status;
    return fat32_fail(volume, STATUS_INVALID, "%s is a directory, not a file", path);
}

// Says that the chain ended before the file did.
static enum status chain_too_short(const struct fat32_file *file) {
    return fat32_fail(
        file->volume, STATUS_CORRUPT,
        "the cluster chain of %s ends after %u clusters, its size of %u bytes needs more",
        file->chain.label, file->chain.index + file->chain.run, file->size);
}

// Reads whole sectors, SIZE bytes at most, from OFFSET on, up to where the file is not contiguous.
static enum status read_run(struct fat32_file *file, uint32_t offset, uint8_t *buffer,
                            uint64_t size, uint32_t *done) {
    struct fat32 *volume = file->volume;
    uint32_t shift = volume->cluster_shift;
    uint32_t within = offset & ((1u << shift) - 1);
    uint32_t most = (uint32_t)((within + size + (1u << shift) - 1) >> shift);
    uint32_t cluster = 0, count = 0;
    enum status status =
        fat32_chain_find(volume, &file->chain, offset >> shift, most, &cluster, &count);
    if (status != STATUS_OK)
        return status;
    uint64_t run = ((uint64_t)count << shift) - within;
    *done = (uint32_t)(run < size ? run : size);
    return fat32_disk_read(volume, fat32_cluster_at(volume, cluster) + within, *done, buffer,
                           file->chain.label);
}

// Reads a part of one sector, or of what lies around it.
static enum status read_part(struct fat32_file *file, uint32_t offset, uint8_t *buffer,
                             uint32_t size, uint32_t *done) {
    const uint8_t *bytes;
    enum status status = fat32_chain_window(file->volume, &file->chain, offset, &bytes, done);
    if (status != STATUS_OK)
        return status;
    if (*done > size)
        *done = size;
    memcpy(buffer, bytes, *done);
    return STATUS_OK;
}

enum status fat32_read(struct fat32_file *file, uint64_t offset, void *buffer, size_t length,
                       size_t *done) {
    struct fat32 *volume = file->volume;
    const uint32_t sector_mask = (1u << volume->sector_shift) - 1;
    *done = 0;
    if (offset >= file->size)
        return STATUS_OK;
    uint32_t wanted = file->size - (uint32_t)offset;
    if (length < wanted)
        wanted = (uint32_t)length;
    while (*done < wanted) {
        uint32_t at = (uint32_t)offset + (uint32_t)*done;
        uint32_t left = wanted - (uint32_t)*done;
        uint64_t whole = ((uint64_t)left + sector_mask) & ~(uint64_t)sector_mask;
        if (whole > length - *done)
            whole = left & ~sector_mask;
        if (whole > READ_MOST)
            whole = READ_MOST;
        uint32_t part = 0;
        enum status status;
        if ((at & sector_mask) == 0 && whole != 0) {
            status = read_run(file, at, (uint8_t *)buffer + *done, whole, &part);
        } else {
            // Up to the next sector only, where whole ones can follow.
            uint32_t rest = sector_mask + 1 - (at & sector_mask);
            status =
                read_part(file, at, (uint8_t *)buffer + *done, left < rest ? left : rest, &part);
        }
        if (status == STATUS_NOT_FOUND)
            return chain_too_short(file);
        if (status != STATUS_OK)
            return status;
        *done += part < left ? part : left;
    }
    if (offset + *done < file->size || *done == 0)
        return STATUS_OK;
    return fat32_chain_check_end(volume, &file->chain, (file->size - 1) >> volume->cluster_shift,
                                 file->size);
}
