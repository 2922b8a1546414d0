// The PCI transport (VirtIO 1.2, chapter 4.1), for devices that are no legacy ones.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libs/virtio/transport.h"

// Where a function of the bus is: its configuration space (4 KiB, as PCI Express maps it), and
// memory of the bus, free for its registers, which BYTES show and that has bus ADDRESS.
struct virtio_pci_place {
    volatile void *function;
    volatile void *registers;
    uint64_t address;
    size_t size;
};

struct virtio_pci {
    struct virtio_transport transport;
    // The parts of its registers (chapter 4.1.4).
    uint8_t *common, *notifications, *interrupt, *config;
    uint32_t notification_size, notification_step, config_size;
};

// Looks at what is there, puts its registers where PLACE says, and lets it reach memory. NOT_FOUND:
// the place is empty. UNSUPPORTED: no VirtIO device, or a legacy one, or its registers don't fit.
// *WHY is then a sentence for people.
NODISCARD enum status virtio_pci_open(struct virtio_pci *pci, const struct virtio_pci_place *place,
                                      const char **why);
