#include "libs/virtio/pci.h"

#include <stdbool.h>
#include <stddef.h>

#include "libs/virtio/mmio.h"

// Configuration space (PCI 3.0, chapter 6.1).
enum {
    PCI_VENDOR = 0x00,
    PCI_DEVICE = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_BAR = 0x10,
    PCI_CAPABILITIES = 0x34,
};

#define VENDOR_VIRTIO 0x1af4u
#define VENDOR_NONE 0xffffu
#define DEVICE_FIRST 0x1040u // and the device's type (chapter 4.1.2)
#define DEVICE_LAST 0x107fu
#define STATUS_CAPABILITIES 0x10u
#define COMMAND_MEMORY 2u
#define COMMAND_MASTER 4u
#define BARS 6u
#define BAR_PORTS 1u
#define BAR_64 4u // of its two low bits of type
#define CAPABILITY_VENDOR 9u
#define CAPABILITIES_MOST 48u // more than there is room for: a list that goes round ends

// A capability that says where a part of the registers is (chapter 4.1.4).
enum { PART_KIND = 3, PART_BAR = 4, PART_OFFSET = 8, PART_LENGTH = 12, PART_STEP = 16 };
enum part { PART_COMMON = 1, PART_NOTIFY, PART_INTERRUPT, PART_CONFIG, PARTS };

// The common part (chapter 4.1.4.3).
enum {
    COMMON_DEVICE_FEATURES_SELECT = 0x00,
    COMMON_DEVICE_FEATURES = 0x04,
    COMMON_DRIVER_FEATURES_SELECT = 0x08,
    COMMON_DRIVER_FEATURES = 0x0c,
    COMMON_STATUS = 0x14,
    COMMON_GENERATION = 0x15,
    COMMON_QUEUE_SELECT = 0x16,
    COMMON_QUEUE_SIZE = 0x18,
    COMMON_QUEUE_ENABLE = 0x1c,
    COMMON_QUEUE_NOTIFY = 0x1e,
    COMMON_QUEUE_DESCRIPTORS = 0x20,
    COMMON_QUEUE_DRIVER = 0x28,
    COMMON_QUEUE_DEVICE = 0x30,
    COMMON_SIZE = 0x38,
};

static struct virtio_pci *pci_of(struct virtio_transport *transport) {
    return (struct virtio_pci *)((char *)transport - offsetof(struct virtio_pci, transport));
}

// As for virtio-mmio: with the barriers that memory shared with a device needs.
static uint32_t get(uint8_t *part, unsigned at, unsigned size) {
    return virtio_mmio_window_read(part, at, size);
}

static void set(uint8_t *part, unsigned at, unsigned size, uint32_t value) {
    virtio_mmio_window_write(part, at, size, value);
}

static void set64(uint8_t *part, unsigned at, uint64_t value) {
    set(part, at, 4, (uint32_t)value);
    set(part, at + 4, 4, (uint32_t)(value >> 32));
}

static uint64_t features(struct virtio_transport *transport) {
    uint8_t *common = pci_of(transport)->common;
    set(common, COMMON_DEVICE_FEATURES_SELECT, 4, 1);
    uint64_t high = get(common, COMMON_DEVICE_FEATURES, 4);
    set(common, COMMON_DEVICE_FEATURES_SELECT, 4, 0);
    return high << 32 | get(common, COMMON_DEVICE_FEATURES, 4);
}

static void set_features(struct virtio_transport *transport, uint64_t value) {
    uint8_t *common = pci_of(transport)->common;
    set(common, COMMON_DRIVER_FEATURES_SELECT, 4, 1);
    set(common, COMMON_DRIVER_FEATURES, 4, (uint32_t)(value >> 32));
    set(common, COMMON_DRIVER_FEATURES_SELECT, 4, 0);
    set(common, COMMON_DRIVER_FEATURES, 4, (uint32_t)value);
}

static uint8_t status(struct virtio_transport *transport) {
    return (uint8_t)get(pci_of(transport)->common, COMMON_STATUS, 1);
}

static void set_status(struct virtio_transport *transport, uint8_t value) {
    set(pci_of(transport)->common, COMMON_STATUS, 1, value);
}

static unsigned queue_size(struct virtio_transport *transport, unsigned index) {
    uint8_t *common = pci_of(transport)->common;
    set(common, COMMON_QUEUE_SELECT, 2, index);
    return get(common, COMMON_QUEUE_SIZE, 2);
}

static enum status queue_enable(struct virtio_transport *transport, unsigned index,
                                const struct virtqueue *queue) {
    uint8_t *common = pci_of(transport)->common;
    set(common, COMMON_QUEUE_SELECT, 2, index);
    if (get(common, COMMON_QUEUE_ENABLE, 2) != 0)
        return STATUS_BUSY;
    set(common, COMMON_QUEUE_SIZE, 2, queue->size);
    set64(common, COMMON_QUEUE_DESCRIPTORS, queue->descriptors_at);
    set64(common, COMMON_QUEUE_DRIVER, queue->available_at);
    set64(common, COMMON_QUEUE_DEVICE, queue->used_at);
    set(common, COMMON_QUEUE_ENABLE, 2, 1);
    return STATUS_OK;
}

// Chapter 4.1.4.4: where each queue is notified, the common part says. Checked when it was opened
// is only the part: what does not lie in it is not written.
static void notify(struct virtio_transport *transport, unsigned index) {
    const struct virtio_pci *pci = pci_of(transport);
    set(pci->common, COMMON_QUEUE_SELECT, 2, index);
    uint64_t at = (uint64_t)get(pci->common, COMMON_QUEUE_NOTIFY, 2) * pci->notification_step;
    if (at + 2 <= pci->notification_size)
        set(pci->notifications, (unsigned)at, 2, index);
}

// Reading it takes it back (chapter 4.1.4.5).
static uint32_t interrupt_acknowledge(struct virtio_transport *transport) {
    return get(pci_of(transport)->interrupt, 0, 1);
}

// A device may have less of it than its type promises: what is not there is zero.
static bool config_has(const struct virtio_pci *pci, unsigned offset, unsigned size) {
    return size <= pci->config_size && offset <= pci->config_size - size;
}

static uint64_t config_read(struct virtio_transport *transport, unsigned offset, unsigned size) {
    uint8_t *config = pci_of(transport)->config;
    if (!config_has(pci_of(transport), offset, size))
        return 0;
    if (size < 8)
        return get(config, offset, size);
    return get(config, offset, 4) | (uint64_t)get(config, offset + 4, 4) << 32;
}

static void config_write(struct virtio_transport *transport, unsigned offset, unsigned size,
                         uint64_t value) {
    uint8_t *config = pci_of(transport)->config;
    if (!config_has(pci_of(transport), offset, size))
        return;
    set(config, offset, size < 4 ? size : 4, (uint32_t)value);
    if (size == 8)
        set(config, offset + 4, 4, (uint32_t)(value >> 32));
}

static uint32_t config_generation(struct virtio_transport *transport) {
    return get(pci_of(transport)->common, COMMON_GENERATION, 1);
}

static const struct virtio_transport_operations operations = {
    .features = features,
    .set_features = set_features,
    .status = status,
    .set_status = set_status,
    .queue_size = queue_size,
    .queue_enable = queue_enable,
    .notify = notify,
    .interrupt_acknowledge = interrupt_acknowledge,
    .config_read = config_read,
    .config_write = config_write,
    .config_generation = config_generation,
};

// What the capabilities say of the parts.
struct layout {
    uint32_t bar; // all parts lie behind one
    uint32_t offset[PARTS], length[PARTS], step;
};

// The first of each kind counts (chapter 4.1.4.1). False: one lies behind another BAR.
static bool layout_take(struct layout *layout, uint8_t *function, unsigned at) {
    unsigned kind = get(function, at + PART_KIND, 1);
    unsigned bar = get(function, at + PART_BAR, 1);
    if (kind < PART_COMMON || kind >= PARTS || layout->length[kind] != 0)
        return true;
    if (layout->bar != BARS && layout->bar != bar)
        return false;
    layout->bar = bar;
    layout->offset[kind] = get(function, at + PART_OFFSET, 4);
    layout->length[kind] = get(function, at + PART_LENGTH, 4);
    if (kind == PART_NOTIFY)
        layout->step = get(function, at + PART_STEP, 4);
    return true;
}

static bool layout_read(struct layout *layout, uint8_t *function, size_t size) {
    *layout = (struct layout){.bar = BARS};
    if (!(get(function, PCI_STATUS, 2) & STATUS_CAPABILITIES))
        return false;
    unsigned at = get(function, PCI_CAPABILITIES, 1) & ~3u;
    for (unsigned i = 0; i < CAPABILITIES_MOST && at != 0 && at <= 0xec; i++) {
        if (get(function, at, 1) == CAPABILITY_VENDOR && !layout_take(layout, function, at))
            return false;
        at = get(function, at + 1, 1) & ~3u;
    }
    for (unsigned kind = PART_COMMON; kind < PARTS; kind++) {
        if (layout->length[kind] == 0 || layout->length[kind] > size ||
            layout->offset[kind] > size - layout->length[kind])
            return false;
    }
    return layout->bar < BARS && layout->length[PART_COMMON] >= COMMON_SIZE;
}

// Its registers move while it does not answer there.
static bool place_registers(uint8_t *function, unsigned bar, uint64_t address) {
    unsigned at = PCI_BAR + 4 * bar;
    uint32_t kind = get(function, at, 4);
    bool wide = kind & BAR_64;
    if ((kind & BAR_PORTS) || (wide && bar + 1 == BARS) || (!wide && address > UINT32_MAX))
        return false;
    set(function, PCI_COMMAND, 2, 0);
    set(function, at, 4, (uint32_t)address);
    if (wide)
        set(function, at + 4, 4, (uint32_t)(address >> 32));
    set(function, PCI_COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER);
    return true;
}

enum status virtio_pci_open(struct virtio_pci *pci, const struct virtio_pci_place *place,
                            const char **why) {
    uint8_t *function = (uint8_t *)(uintptr_t)place->function;
    uint8_t *registers = (uint8_t *)(uintptr_t)place->registers;
    uint32_t vendor = get(function, PCI_VENDOR, 2), device = get(function, PCI_DEVICE, 2);
    struct layout layout;
    if (vendor == VENDOR_NONE) {
        *why = "there is no device at that place of the PCI bus";
        return STATUS_NOT_FOUND;
    }
    if (vendor != VENDOR_VIRTIO || device < DEVICE_FIRST || device > DEVICE_LAST) {
        *why = "the PCI device is no VirtIO device, or a legacy one: give QEMU disable-legacy=on";
        return STATUS_UNSUPPORTED;
    }
    if (!layout_read(&layout, function, place->size) ||
        !place_registers(function, layout.bar, place->address)) {
        *why = "the PCI device's registers do not fit where they are to be";
        return STATUS_UNSUPPORTED;
    }
    pci->transport.operations = &operations;
    pci->transport.type = device - DEVICE_FIRST;
    pci->common = registers + layout.offset[PART_COMMON];
    pci->notifications = registers + layout.offset[PART_NOTIFY];
    pci->notification_size = layout.length[PART_NOTIFY];
    pci->notification_step = layout.step;
    pci->interrupt = registers + layout.offset[PART_INTERRUPT];
    pci->config = registers + layout.offset[PART_CONFIG];
    pci->config_size = layout.length[PART_CONFIG];
    return STATUS_OK;
}
