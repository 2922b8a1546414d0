// The disk: a VirtIO block device behind one of the machine's virtio-mmio slots, or on its PCI bus,
// as a file system sees it. Whatever is read goes by DMA straight to where it is to be in the end.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ipc/status.h"
#include "libs/fat32/block_reader.h"
#include "libs/virtio/blk.h"
#include "libs/virtio/mmio.h"
#include "libs/virtio/pci.h"

#define DISK_SLOT_SIZE 4096u // from one virtio-mmio slot to the next, where nobody says how far
#define DISK_MEMORIES 16u
#define DISK_ERROR 160u

// Memory that the disk's reads can go to: contiguous for the device too.
struct disk_memory {
    const uint8_t *bytes;
    uint64_t size;
    uint64_t physical;
};

struct fs_disk {
    union {
        struct virtio_mmio mmio;
        struct virtio_pci pci;
    };
    struct virtio_transport *transport; // whichever of them
    struct virtio_blk blk;
    uint64_t timebase; // ticks a second
    uint64_t deadline; // of the request under way
    uint32_t looks;    // at the device, during it
    bool broken;       // the device said so during it
    unsigned memory_count;
    struct disk_memory memory[DISK_MEMORIES];
    char error[DISK_ERROR]; // what was wrong in the call that failed last; empty: it was not the
                            // disk
};

// Lets reads go to MEMORY. NO_MEMORY: there are too many already.
NODISCARD enum status disk_add_memory(struct fs_disk *disk, const struct disk_memory *memory);

// Looks for a block device behind the COUNT slots whose registers SLOTS reaches, and sets it up
// with QUEUE for its requests. NOT_FOUND: there is none. Else what the driver answers; disk->error
// says what.
NODISCARD enum status disk_open(struct fs_disk *disk, const struct virtio_mmio_access *slots,
                                unsigned count, const struct virtio_memory *queue);

// The same for the one at PLACE of the PCI bus.
NODISCARD enum status disk_open_pci(struct fs_disk *disk, const struct virtio_pci_place *place,
                                    const struct virtio_memory *queue);

// The face to the file system. RANGE, for the file system's reads: the buffer is no memory of the
// disk's.
struct block_reader disk_reader(struct fs_disk *disk);
