// A VirtIO console device (VirtIO 1.2, chapter 5.3) with one port: bytes both ways. Without the
// feature MULTIPORT it has two queues, 0 for what it received and 1 for what it is to transmit, and
// says nothing of whether anybody listens at its other end.
//
// Nothing waits: reading takes what has come, writing takes what there is room for, and the
// device's interrupt says when to look again.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/status.h"
#include "libs/virtio/transport.h"
#include "libs/virtio/virtqueue.h"

#define VIRTIO_CONSOLE_BUFFERS 8u // each way
#define VIRTIO_CONSOLE_BUFFER_SIZE ((size_t)1024)

// Bytes of memory that the driver shares with the device.
#define VIRTIO_CONSOLE_RINGS ((size_t)1024) // of each queue
#define VIRTIO_CONSOLE_MEMORY_SIZE                                                                 \
    (2 * (VIRTIO_CONSOLE_RINGS + VIRTIO_CONSOLE_BUFFERS * VIRTIO_CONSOLE_BUFFER_SIZE))

// One direction.
struct virtio_console_way {
    struct virtqueue queue;
    uint8_t *bytes; // of its buffers, one behind the other
    uint64_t bytes_at;
    uint8_t buffer[VIRTQUEUE_SIZE_MAX]; // by a request's name: its buffer
    uint32_t free;                      // buffers that the device does not have, a mask
};

struct virtio_console {
    struct virtio_transport *transport;
    struct virtio_console_way in, out;
    unsigned taken;  // the buffer that is being read from
    uint32_t at;     // how far
    uint32_t filled; // bytes in it; 0: none is
    bool failed;     // the device was given up
    const char *error;
};

// Sets up the device behind TRANSPORT with MEMORY, of VIRTIO_CONSOLE_MEMORY_SIZE bytes and aligned
// to 16. UNSUPPORTED: no console, or a legacy one. IO: it misbehaves. INVALID, NO_MEMORY: the
// memory is not as said.
NODISCARD enum status virtio_console_init(struct virtio_console *console,
                                          struct virtio_transport *transport,
                                          const struct virtio_memory *memory);

// Takes up to SIZE bytes of what came, to BYTES. 0: nothing has, or the device was given up.
size_t virtio_console_read(struct virtio_console *console, void *bytes, size_t size);

// Hands over the first of the SIZE bytes at BYTES, as many as there is room for; returns how many.
// Where that is not all, the device will interrupt when there is room again.
size_t virtio_console_write(struct virtio_console *console, const void *bytes, size_t size);

// To be called for the device's interrupt. Returns its causes, VIRTIO_INTERRUPT_*.
uint32_t virtio_console_interrupt(struct virtio_console *console);

// What was wrong in the call that failed last, a sentence without a full stop, for people.
static inline const char *virtio_console_error_text(const struct virtio_console *console) {
    return console->error;
}
