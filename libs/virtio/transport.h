// How a VirtIO device is reached (VirtIO 1.2, chapters 2.1 to 2.5 and 4). The driver of a device
// sees this only; virtio-mmio stands behind it, and PCI can.
#pragma once

#include <stdint.h>

#include "ipc/status.h"
#include "libs/virtio/virtqueue.h"

// Device types (chapter 5).
#define VIRTIO_TYPE_BLOCK 2u
#define VIRTIO_TYPE_CONSOLE 3u

// Device status (chapter 2.1).
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER 2u
#define VIRTIO_STATUS_DRIVER_OK 4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED 128u

// Features of every device (chapter 6).
#define VIRTIO_FEATURE_VERSION_1 (1ull << 32)

// Causes of an interrupt (chapter 4.2.2).
#define VIRTIO_INTERRUPT_QUEUE 1u
#define VIRTIO_INTERRUPT_CONFIG 2u

struct virtio_transport;

struct virtio_transport_operations {
    uint64_t (*features)(struct virtio_transport *transport);
    void (*set_features)(struct virtio_transport *transport, uint64_t features);
    uint8_t (*status)(struct virtio_transport *transport);
    // 0 resets the device.
    void (*set_status)(struct virtio_transport *transport, uint8_t status);
    // The most entries that queue INDEX can have; 0: there is no such queue.
    unsigned (*queue_size)(struct virtio_transport *transport, unsigned index);
    // Makes QUEUE the device's queue INDEX. BUSY: it has one already.
    enum status (*queue_enable)(struct virtio_transport *transport, unsigned index,
                                const struct virtqueue *queue);
    // Tells the device of new requests. All of memory that was written before is visible to it.
    void (*notify)(struct virtio_transport *transport, unsigned index);
    // Why the device interrupts (VIRTIO_INTERRUPT_*, 0: it does not), and that it may stop.
    uint32_t (*interrupt_acknowledge)(struct virtio_transport *transport);
    // SIZE bytes of the device's configuration at OFFSET, aligned to SIZE: 1, 2, 4 or 8.
    uint64_t (*config_read)(struct virtio_transport *transport, unsigned offset, unsigned size);
    void (*config_write)(struct virtio_transport *transport, unsigned offset, unsigned size,
                         uint64_t value);
    // Changes whenever the configuration does.
    uint32_t (*config_generation)(struct virtio_transport *transport);
};

struct virtio_transport {
    const struct virtio_transport_operations *operations;
    uint32_t type; // VIRTIO_TYPE_*
};

// Chapter 3.1.1, steps 1 to 6: resets the device and agrees with it on those of WANTED that it has,
// in *AGREED; VERSION_1 is always among them. UNSUPPORTED: the device refuses, or is from before
// VirtIO 1.0. IO: it does not reset. *WHY is then a sentence for people.
NODISCARD enum status virtio_negotiate(struct virtio_transport *transport, uint64_t wanted,
                                       uint64_t *agreed, const char **why);

// Step 8: the device is set up and starts to work.
void virtio_start(struct virtio_transport *transport);

// Resets the device, so that it forgets its queues and touches no memory any more. IO: it does not
// say in time that it did, so its memory must not be used for anything else.
NODISCARD enum status virtio_reset(struct virtio_transport *transport);

// Tells the device that its driver gives up (chapter 2.1.1).
void virtio_give_up(struct virtio_transport *transport);
