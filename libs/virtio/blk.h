// A VirtIO block device (VirtIO 1.2, chapter 5.2): reading, one request at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ipc/status.h"
#include "libs/virtio/transport.h"
#include "libs/virtio/virtqueue.h"

// Bytes of memory that the driver shares with the device.
#define VIRTIO_BLK_MEMORY_SIZE 4096u

// The unit of all addresses, whatever the device's own blocks are.
#define VIRTIO_BLK_SECTOR_SIZE 512u

// Called again and again while a request is under way: returns OK to look again, anything else to
// give up. It can sleep until the device interrupts, if interrupts were asked for, and watches the
// deadline.
struct virtio_blk_wait {
    enum status (*wait)(void *context);
    // A new request is under way: the deadline begins to run. NULL: not needed.
    void (*begin)(void *context);
    void *context;
};

struct virtio_blk {
    struct virtio_transport *transport;
    struct virtqueue queue;
    struct virtio_blk_wait wait;
    struct virtio_blk_request *request; // shared with the device
    uint64_t request_at;
    uint64_t capacity;      // in sectors
    uint32_t block_sectors; // reads are multiples of this, and aligned to it
    bool read_only;
    uint32_t segment_size;  // most bytes in one piece of a request
    uint32_t segment_count; // most pieces
    uint32_t request_size;  // most bytes in all
    bool failed;            // the device was given up
    const char *error;
};

// Sets up the device behind TRANSPORT with MEMORY, of VIRTIO_BLK_MEMORY_SIZE bytes and aligned
// to 16. INTERRUPTS: whether the device shall interrupt when a request is done. UNSUPPORTED: not a
// block device, a legacy one, or one with limits that allow nothing. IO, CORRUPT: it misbehaves.
// INVALID, NO_MEMORY: the memory is not as said.
NODISCARD enum status virtio_blk_init(struct virtio_blk *blk, struct virtio_transport *transport,
                                      const struct virtio_memory *memory,
                                      const struct virtio_blk_wait *wait, bool interrupts);

// Reads COUNT sectors from SECTOR on to ADDRESS, as the device sees it: contiguous memory, however
// much. Takes as many requests as the device's limits ask for. RANGE: beyond the device's end.
// INVALID: not in whole blocks. IO: the device says that it failed, or gave no answer before the
// wait gave up. CORRUPT: its answer contradicts the protocol. A device that gives no answer, or a
// wrong one, is reset; this driver then reads no more until it is initialised again.
NODISCARD enum status virtio_blk_read(struct virtio_blk *blk, uint64_t sector, uint32_t count,
                                      uint64_t address);

// To be called for the device's interrupt. Returns its causes, VIRTIO_INTERRUPT_*.
uint32_t virtio_blk_interrupt(struct virtio_blk *blk);

// What was wrong in the call that failed last, a sentence without a full stop, for people.
static inline const char *virtio_blk_error_text(const struct virtio_blk *blk) { return blk->error; }
