// Looking up a name in a folder. For this folder's own use.
#pragma once

#include "libs/fat32/chain.h"
#include "libs/fat32/name.h"

// What a folder says of one of its files.
struct fat32_entry {
    bool is_folder;
    uint32_t cluster; // unchecked; 0 for an empty file
    uint32_t size;    // 0 for a folder
};

// Looks for NAME in the folder whose chain FOLDER is. NOT_FOUND, without a message: there is none.
// CORRUPT: the folder's chain is broken or longer than a folder can be.
NODISCARD enum status fat32_directory_find(struct fat32 *volume, struct fat32_chain *folder,
                                           const struct fat32_name *name,
                                           struct fat32_entry *found);
