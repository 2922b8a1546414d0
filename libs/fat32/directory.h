// Looking up a name in a directory. For this directory's own use.
#pragma once

#include "libs/fat32/chain.h"
#include "libs/fat32/name.h"

// What a directory says of one of its files.
struct fat32_entry {
    bool is_directory;
    uint32_t cluster; // unchecked; 0 for an empty file
    uint32_t size;    // 0 for a directory
};

// Looks for NAME in the directory whose chain DIRECTORY is. NOT_FOUND, without a message: there is
// none. CORRUPT: the directory's chain is broken or longer than a directory can be.
NODISCARD enum status fat32_directory_find(struct fat32 *volume, struct fat32_chain *directory,
                                           const struct fat32_name *name,
                                           struct fat32_entry *found);
