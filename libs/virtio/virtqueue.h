// The driver's side of a split virtqueue (VirtIO 1.2, chapter 2.7). It knows no transport: the
// rings are memory that the caller gives and tells the device about.
//
// The device is not trusted. What the driver must know of its own requests is kept in struct
// virtqueue, where the device cannot write; what the device says is checked against it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/status.h"

#define VIRTQUEUE_SIZE_MAX 128u

// Bytes that the rings of a queue of SIZE entries take.
#define VIRTQUEUE_BYTES(size) (16u * (size) + (6u + 2u * (size) + 3u) / 4u * 4u + 6u + 8u * (size))

struct virtqueue_descriptor; // as the device sees it

struct virtqueue {
    struct virtqueue_descriptor *descriptors;
    volatile uint16_t *available; // flags, index, ring
    volatile uint16_t *used;      // flags, index, ring of 32 bit pairs
    uint64_t descriptors_at;      // addresses of the three, for the device
    uint64_t available_at;
    uint64_t used_at;
    uint16_t size;
    uint16_t free_first;
    uint16_t free_count;
    uint16_t available_index;
    uint16_t used_index;
    uint16_t in_flight; // requests, each one chain
    // By descriptor: the next one in its chain or in the free list. By a chain's first descriptor:
    // how many it has, 0 if none in flight begins there, and how many bytes the device may write.
    uint16_t next[VIRTQUEUE_SIZE_MAX];
    uint16_t length[VIRTQUEUE_SIZE_MAX];
    uint32_t writable[VIRTQUEUE_SIZE_MAX];
};

// Memory that both the driver and the device reach, physically contiguous.
struct virtio_memory {
    void *bytes;
    uint64_t device_address;
    size_t size;
};

// A part of a request.
struct virtqueue_buffer {
    uint64_t device_address;
    uint32_t size;
    bool device_writes;
};

// Prepares an empty queue of SIZE entries, a power of two up to VIRTQUEUE_SIZE_MAX, in MEMORY,
// which is aligned to 16 bytes. INVALID: it is not, or SIZE is not. NO_MEMORY: less than
// VIRTQUEUE_BYTES(size).
NODISCARD enum status virtqueue_init(struct virtqueue *queue, unsigned size,
                                     const struct virtio_memory *memory);

// Offers a request of COUNT buffers to the device; those that it reads come first. *HEAD names it
// until it is taken back. INVALID: no buffer, one without a size, or in the wrong order. NO_MEMORY:
// too many of them for what is free. RANGE: more than 4 GiB for the device to write.
NODISCARD enum status virtqueue_offer(struct virtqueue *queue,
                                      const struct virtqueue_buffer *buffers, unsigned count,
                                      uint16_t *head);

// Whether the device asks to be told of requests offered since it was told last.
bool virtqueue_wants_notice(const struct virtqueue *queue);

// Takes back a request that the device is done with, and says how many bytes it claims to have
// written, never more than it may. BUSY: there is none. CORRUPT: the device's answer is none to any
// request in flight; the queue cannot be used until it is initialised again, after a reset of the
// device.
NODISCARD enum status virtqueue_take(struct virtqueue *queue, uint16_t *head, uint32_t *written);

// Asks the device for interrupts, or to do without. Only a wish (chapter 2.7.7): they can come all
// the same.
void virtqueue_set_interrupts(struct virtqueue *queue, bool wanted);
