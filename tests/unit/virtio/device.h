// A block device behind virtio-mmio registers, for the tests: the device's side of VirtIO 1.2,
// written from the specification and not from the driver. It checks what a driver must do, and
// misbehaves on demand.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libs/virtio/mmio.h"

#define DEVICE_MEMORY_AT 0x80000000u // where the device sees the memory it may reach
#define DEVICE_MEMORY_SIZE (64u * 1024 * 1024)
#define DEVICE_QUEUE_MOST 1024u
#define DEVICE_QUEUES 2
#define DEVICE_STREAM (1u << 20)

enum fault {
    FAULT_NONE,
    FAULT_SILENT,           // never answers
    FAULT_ID_TOO_LARGE,     // used.id outside of the queue
    FAULT_ID_OF_NOTHING,    // used.id of a descriptor that begins no request
    FAULT_LENGTH_TOO_LARGE, // says it wrote more than it could
    FAULT_LENGTH_TOO_SHORT, // says all is well, but wrote less
    FAULT_INDEX_JUMPS,      // used.idx moves by more than there were requests
    FAULT_ANSWERS_TWICE,
    FAULT_SCRIBBLES,    // overwrites the descriptors before it answers, which must not matter
    FAULT_NO_STATUS,    // does not write the answer's byte
    FAULT_IO_ERROR,     // answers VIRTIO_BLK_S_IOERR
    FAULT_UNSUPPORTED,  // answers VIRTIO_BLK_S_UNSUPP
    FAULT_ODD_STATUS,   // answers 77
    FAULT_NO_FEATURES,  // takes FEATURES_OK back
    FAULT_NO_RESET,     // its status never reads 0
    FAULT_QUEUE_READY,  // its queue is in use from the beginning
    FAULT_CONFIG_MOVES, // the generation changes all the time
};

struct device {
    uint32_t magic, version, type;
    uint64_t features;
    uint32_t queue_most;
    uint8_t config[64];
    enum fault fault;
    unsigned delay; // polls before it answers
    bool no_notify; // sets VIRTQ_USED_F_NO_NOTIFY, and looks at the ring by itself

    uint8_t *memory;

    // Registers.
    uint32_t features_select, driver_features_select, queue_select;
    uint64_t driver_features;
    uint32_t interrupt, generation;
    struct device_queue {
        uint32_t size, ready;
        uint64_t descriptors, driver_ring, device_ring;
        uint16_t seen, used; // its own state
        bool notified;
    } queue[DEVICE_QUEUES];
    uint8_t status;
    unsigned waited;
    // Of a console device: what the host sends, and what it got.
    uint8_t sent[DEVICE_STREAM], got[DEVICE_STREAM];
    uint32_t sent_count, sent_at, got_count;
    uint32_t most_at_once; // bytes that go into one of the driver's buffers; 0: as many as fit
    // What happened.
    uint8_t status_writes[16];
    unsigned status_count, notifications, requests;
    uint64_t bytes;
    uint32_t largest_piece, most_pieces;
};

// A console device (5.3) with one port.
void device_make_console(struct device *device);
// The host sends SIZE bytes; the driver gets them as far as it has offered room.
void device_send(struct device *device, const void *bytes, size_t size);

// A block device of the disk whose sectors device_sector() gives.
void device_make(struct device *device, uint64_t sectors);
void device_drop(struct device *device);

// What the driver needs of it.
struct virtio_mmio_access device_access(struct device *device);
struct virtio_memory device_memory(struct device *device, size_t offset, size_t size);

// Lets the device work. The driver's wait calls it.
void device_work(struct device *device);

// The 512 bytes that sector NUMBER of the disk holds.
void device_sector(uint64_t number, uint8_t *bytes);

// Features and configuration fields, by the specification's numbers (5.2.3, 5.2.4).
void device_set_size_max(struct device *device, uint32_t size);
void device_set_segments_max(struct device *device, uint32_t count);
void device_set_block_size(struct device *device, uint32_t size);
