#include "libs/fat32/chain.h"

#include <assert.h>
#include <string.h>

#include "libs/text/text.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "table entries are used as they are read");

// Chapter 4: the upper four bits of an entry are reserved, and these values are no clusters.
#define ENTRY_MASK 0x0fffffffu
#define ENTRY_FREE 0u
#define ENTRY_RESERVED 1u
#define ENTRY_BAD 0x0ffffff7u
#define ENTRY_END 0x0ffffff8u // this and all above

enum status fat32_fail(struct fat32 *volume, enum status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_format_list(volume->error, sizeof(volume->error), format, arguments);
    va_end(arguments);
    return status;
}

enum status fat32_disk_read(struct fat32 *volume, uint64_t at, uint32_t size, void *buffer,
                            const char *label) {
    uint64_t sector = at / BLOCK_SECTOR_SIZE;
    uint32_t count = size / BLOCK_SECTOR_SIZE;
    enum status status = volume->reader.read(volume->reader.context, sector, count, buffer);
    if (status == STATUS_OK)
        return STATUS_OK;
    return fat32_fail(volume, status, "cannot read %u sectors at sector %llu of the disk (%s): %s",
                      count, (unsigned long long)sector, label, status_text(status));
}

// Moves the window to the part of the table that holds CLUSTER, a valid one.
static enum status load_fat_window(struct fat32 *volume, uint32_t cluster) {
    const uint32_t entries = FAT32_WINDOW_SIZE / sizeof(uint32_t);
    uint32_t first = cluster & ~(entries - 1);
    uint32_t at = first / (BLOCK_SECTOR_SIZE / sizeof(uint32_t));
    uint32_t sectors = volume->fat_sectors - at; // the mount checked that the table is long enough
    if (sectors > FAT32_WINDOW_SIZE / BLOCK_SECTOR_SIZE)
        sectors = FAT32_WINDOW_SIZE / BLOCK_SECTOR_SIZE;
    volume->fat_window_count = 0;
    enum status status =
        fat32_disk_read(volume, (volume->fat_sector + at) * BLOCK_SECTOR_SIZE,
                        sectors * BLOCK_SECTOR_SIZE, volume->fat_window, "the allocation table");
    if (status != STATUS_OK)
        return status;
    volume->fat_window_first = first;
    volume->fat_window_count = sectors * (BLOCK_SECTOR_SIZE / sizeof(uint32_t));
    return STATUS_OK;
}

// The table's entry of CLUSTER, a valid one.
static enum status read_entry(struct fat32 *volume, uint32_t cluster, uint32_t *entry) {
    if (cluster - volume->fat_window_first >= volume->fat_window_count) {
        enum status status = load_fat_window(volume, cluster);
        if (status != STATUS_OK)
            return status;
    }
    *entry = volume->fat_window[cluster - volume->fat_window_first] & ENTRY_MASK;
    return STATUS_OK;
}

static bool is_cluster(const struct fat32 *volume, uint32_t number) {
    return number >= 2 && number < volume->cluster_limit;
}

// Says what is wrong with an entry that neither names a cluster nor ends a chain.
static enum status bad_entry(struct fat32 *volume, const struct fat32_chain *chain,
                             uint32_t cluster, uint32_t entry) {
    if (entry == ENTRY_FREE)
        return fat32_fail(volume, STATUS_CORRUPT, "cluster %u of %s is marked as free", cluster,
                          chain->label);
    if (entry == ENTRY_RESERVED)
        return fat32_fail(volume, STATUS_CORRUPT, "cluster %u of %s points to 1, a reserved number",
                          cluster, chain->label);
    if (entry == ENTRY_BAD)
        return fat32_fail(volume, STATUS_CORRUPT, "cluster %u of %s is marked as damaged", cluster,
                          chain->label);
    return fat32_fail(volume, STATUS_CORRUPT,
                      "cluster %u of %s points to 0x%x, beyond the last cluster %u", cluster,
                      chain->label, entry, volume->cluster_limit - 1);
}

// Keeps the end of a name that is too long: it tells more than the beginning.
static void set_label(struct fat32_chain *chain, const char *label, size_t length) {
    size_t room = sizeof(chain->label) - 1;
    if (length <= room) {
        memcpy(chain->label, label, length);
        chain->label[length] = '\0';
        return;
    }
    memcpy(chain->label, "...", 3);
    memcpy(chain->label + 3, label + length - (room - 3), room - 3);
    chain->label[room] = '\0';
}

enum status fat32_chain_begin(struct fat32 *volume, struct fat32_chain *chain, uint32_t first,
                              const char *label, size_t length) {
    chain->first = chain->cluster = first;
    chain->index = 0;
    chain->run = 1;
    set_label(chain, label, length);
    if (is_cluster(volume, first))
        return STATUS_OK;
    return fat32_fail(volume, STATUS_CORRUPT, "%s begins at cluster %u, not one of 2 to %u",
                      chain->label, first, volume->cluster_limit - 1);
}

// Lengthens the run by what the window shows, until it has WANTED clusters. Most of the way through
// a big file is spent in this loop, so it does nothing else.
static void extend_run(const struct fat32 *volume, struct fat32_chain *chain, uint32_t wanted) {
    uint32_t cluster = chain->cluster + chain->run - 1;
    if (cluster - volume->fat_window_first >= volume->fat_window_count)
        return;
    uint32_t stop = chain->cluster + wanted - 1;
    if (stop > volume->fat_window_first + volume->fat_window_count)
        stop = volume->fat_window_first + volume->fat_window_count;
    if (stop > volume->cluster_limit - 1) // its last cluster has no next one
        stop = volume->cluster_limit - 1;
    const uint32_t *entry = &volume->fat_window[cluster - volume->fat_window_first];
    while (cluster < stop && (*entry & ENTRY_MASK) == cluster + 1) {
        cluster++;
        entry++;
    }
    chain->run = cluster - chain->cluster + 1;
}

enum status fat32_chain_find(struct fat32 *volume, struct fat32_chain *chain, uint32_t index,
                             uint32_t most, uint32_t *cluster, uint32_t *count) {
    if (index < chain->index) { // chains lead forward only
        chain->index = 0;
        chain->cluster = chain->first;
        chain->run = 1;
    }
    // Every turn goes at least one cluster further along the chain, so a loop in the table costs no
    // more than a chain of that length would.
    while (index + most > chain->index + chain->run) {
        uint32_t last = chain->cluster + chain->run - 1;
        uint32_t next = 0;
        enum status status = read_entry(volume, last, &next);
        if (status != STATUS_OK)
            return status;
        if (next == last + 1 && next < volume->cluster_limit) {
            extend_run(volume, chain, index + most - chain->index);
            continue;
        }
        if (index < chain->index + chain->run)
            break; // what comes next is for whoever wants to go there
        if (next >= ENTRY_END)
            return STATUS_NOT_FOUND;
        if (!is_cluster(volume, next))
            return bad_entry(volume, chain, last, next);
        chain->index += chain->run;
        chain->cluster = next;
        chain->run = 1;
    }
    uint32_t within = index - chain->index;
    *cluster = chain->cluster + within;
    *count = chain->run - within < most ? chain->run - within : most;
    return STATUS_OK;
}

// Whether following the table from CLUSTER leads into a circle. Brent's way of finding it: a mark
// is left behind at distances of powers of two, and met again. It gives up after a number of steps,
// as only the choice of a message hangs on it.
static bool is_circle(struct fat32 *volume, uint32_t cluster) {
    uint32_t mark = cluster;
    for (uint32_t step = 1; step < 100000; step++) {
        if (read_entry(volume, cluster, &cluster) != STATUS_OK || !is_cluster(volume, cluster))
            return false;
        if (cluster == mark)
            return true;
        if ((step & (step - 1)) == 0)
            mark = cluster;
    }
    return false;
}

enum status fat32_chain_check_end(struct fat32 *volume, struct fat32_chain *chain, uint32_t index,
                                  uint32_t size) {
    uint32_t cluster = 0, count = 0, next = 0;
    enum status status = fat32_chain_find(volume, chain, index, 1, &cluster, &count);
    if (status != STATUS_OK)
        return status;
    status = read_entry(volume, cluster, &next);
    if (status != STATUS_OK || next >= ENTRY_END)
        return status;
    if (!is_cluster(volume, next))
        return bad_entry(volume, chain, cluster, next);
    if (is_circle(volume, cluster))
        return fat32_fail(volume, STATUS_CORRUPT,
                          "the cluster chain of %s runs in a circle through cluster %u",
                          chain->label, cluster);
    return fat32_fail(volume, STATUS_CORRUPT,
                      "the cluster chain of %s goes on to cluster %u behind the last that its size "
                      "of %u bytes needs",
                      chain->label, next, size);
}

enum status fat32_chain_window(struct fat32 *volume, struct fat32_chain *chain, uint32_t offset,
                               const uint8_t **bytes, uint32_t *size) {
    uint32_t cluster_size = 1u << volume->cluster_shift;
    uint32_t most =
        cluster_size < FAT32_WINDOW_SIZE ? FAT32_WINDOW_SIZE >> volume->cluster_shift : 1;
    uint32_t cluster = 0, count = 0;
    enum status status =
        fat32_chain_find(volume, chain, offset >> volume->cluster_shift, most, &cluster, &count);
    if (status != STATUS_OK)
        return status;
    uint32_t within = offset & (cluster_size - 1);
    uint64_t at = fat32_cluster_at(volume, cluster) + within;
    if (at - volume->data_window_at >= volume->data_window_size) {
        uint64_t start = at - within % FAT32_WINDOW_SIZE;
        uint32_t length = FAT32_WINDOW_SIZE;
        if (length > count << volume->cluster_shift)
            length = count << volume->cluster_shift;
        volume->data_window_size = 0;
        status = fat32_disk_read(volume, start, length, volume->data_window, chain->label);
        if (status != STATUS_OK)
            return status;
        volume->data_window_at = start;
        volume->data_window_size = length;
    }
    // The window can show more than the chain's own clusters, but not beyond what COUNT vouches
    // for.
    uint32_t shown = (uint32_t)(volume->data_window_at + volume->data_window_size - at);
    uint64_t owned = ((uint64_t)count << volume->cluster_shift) - within;
    *bytes = volume->data_window + (at - volume->data_window_at);
    *size = shown < owned ? shown : (uint32_t)owned;
    return STATUS_OK;
}
