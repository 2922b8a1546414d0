// Cluster chains: the file allocation table, and the windows small reads go through. For this
// directory's own use.
#pragma once

#include "libs/fat32/fat32.h"

// Forms the message and returns STATUS.
NODISCARD enum status fat32_fail(struct fat32 *volume, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Begins CHAIN at cluster FIRST for the LENGTH bytes of name at LABEL. CORRUPT: FIRST is no
// cluster.
NODISCARD enum status fat32_chain_begin(struct fat32 *volume, struct fat32_chain *chain,
                                        uint32_t first, const char *label, size_t length);

// Finds the cluster at INDEX of the chain, and in *COUNT how many from there on, MOST at most, lie
// one behind the other on the disk. NOT_FOUND, without a message: the chain ends before INDEX.
// CORRUPT: the table holds nonsense on the way there. The work is proportional to the way from the
// place of the last call.
NODISCARD enum status fat32_chain_find(struct fat32 *volume, struct fat32_chain *chain,
                                       uint32_t index, uint32_t most, uint32_t *cluster,
                                       uint32_t *count);

// Checks that the chain ends behind the cluster at INDEX, which SIZE bytes make its last.
NODISCARD enum status fat32_chain_check_end(struct fat32 *volume, struct fat32_chain *chain,
                                            uint32_t index, uint32_t size);

// Byte address on the disk of a cluster, which must be a valid one.
static inline uint64_t fat32_cluster_at(const struct fat32 *volume, uint32_t cluster) {
    return volume->data_at + ((uint64_t)(cluster - 2) << volume->cluster_shift);
}

// Reads SIZE bytes (whole sectors) at byte address AT into BUFFER, on behalf of LABEL.
NODISCARD enum status fat32_disk_read(struct fat32 *volume, uint64_t at, uint32_t size,
                                      void *buffer, const char *label);

// Makes the bytes of the chain from OFFSET on visible in the data window, *SIZE of them at *BYTES:
// at least the rest of the volume's sector that OFFSET lies in. Errors as of fat32_chain_find().
NODISCARD enum status fat32_chain_window(struct fat32 *volume, struct fat32_chain *chain,
                                         uint32_t offset, const uint8_t **bytes, uint32_t *size);
