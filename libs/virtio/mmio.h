// The virtio-mmio transport (VirtIO 1.2, chapter 4.2), version 2.
#pragma once

#include <stdint.h>

#include "libs/virtio/transport.h"

// How the registers are reached, by their offset. All are 32 bits wide; only the device's
// configuration, from 0x100 on, is reached by bytes and half words too.
struct virtio_mmio_access {
    uint32_t (*read)(void *context, unsigned offset, unsigned size);
    // Memory written before is visible to the device before this is.
    void (*write)(void *context, unsigned offset, unsigned size, uint32_t value);
    void *context;
};

struct virtio_mmio {
    struct virtio_transport transport;
    struct virtio_mmio_access access;
};

// Looks at what is there; does not touch it. NOT_FOUND: the place is empty. UNSUPPORTED: a legacy
// device. CORRUPT: no virtio-mmio registers. *WHY is then a sentence for people.
NODISCARD enum status virtio_mmio_open(struct virtio_mmio *mmio,
                                       const struct virtio_mmio_access *access, const char **why);

// Registers in memory: the access's context is the window's address.
uint32_t virtio_mmio_window_read(void *window, unsigned offset, unsigned size);
void virtio_mmio_window_write(void *window, unsigned offset, unsigned size, uint32_t value);

static inline struct virtio_mmio_access virtio_mmio_window(volatile void *window) {
    return (struct virtio_mmio_access){virtio_mmio_window_read, virtio_mmio_window_write,
                                       (void *)(uintptr_t)window};
}
