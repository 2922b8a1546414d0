// What a file system needs of a disk. A driver, a file on the host or a test stands behind it.
#pragma once

#include <stdint.h>

#include "ipc/status.h"

// The unit of every address and size here, as VirtIO counts too, whatever the disk's own blocks
// are.
#define BLOCK_SECTOR_SIZE 512u

struct block_reader {
    // Reads COUNT sectors from sector SECTOR on into BUFFER; all of them or an error. COUNT can be
    // as large as a file: splitting a transfer, and turning BUFFER into device addresses, is the
    // reader's business. Calls are aligned to, and a multiple of, the file system's own sector
    // size, except the first one, which reads the volume's first 4 KiB.
    enum status (*read)(void *context, uint64_t sector, uint32_t count, void *buffer);
    void *context;
    uint64_t capacity; // sectors on the disk
};
