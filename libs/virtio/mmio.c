#include "libs/virtio/mmio.h"

#include <stddef.h>

// Chapter 4.2.2, table 4.1.
enum {
    MMIO_MAGIC = 0x000,
    MMIO_VERSION = 0x004,
    MMIO_DEVICE_ID = 0x008,
    MMIO_DEVICE_FEATURES = 0x010,
    MMIO_DEVICE_FEATURES_SELECT = 0x014,
    MMIO_DRIVER_FEATURES = 0x020,
    MMIO_DRIVER_FEATURES_SELECT = 0x024,
    MMIO_QUEUE_SELECT = 0x030,
    MMIO_QUEUE_SIZE_MAX = 0x034,
    MMIO_QUEUE_SIZE = 0x038,
    MMIO_QUEUE_READY = 0x044,
    MMIO_QUEUE_NOTIFY = 0x050,
    MMIO_INTERRUPT_STATUS = 0x060,
    MMIO_INTERRUPT_ACKNOWLEDGE = 0x064,
    MMIO_STATUS = 0x070,
    MMIO_QUEUE_DESCRIPTORS = 0x080,
    MMIO_QUEUE_DRIVER = 0x090,
    MMIO_QUEUE_DEVICE = 0x0a0,
    MMIO_CONFIG_GENERATION = 0x0fc,
    MMIO_CONFIG = 0x100,
};

#define MAGIC 0x74726976u // "virt"
#define VERSION_LEGACY 1u
#define VERSION 2u

static struct virtio_mmio *mmio_of(struct virtio_transport *transport) {
    return (struct virtio_mmio *)((char *)transport - offsetof(struct virtio_mmio, transport));
}

static uint32_t read32(const struct virtio_mmio *mmio, unsigned at) {
    return mmio->access.read(mmio->access.context, at, 4);
}

static void write32(const struct virtio_mmio *mmio, unsigned at, uint32_t value) {
    mmio->access.write(mmio->access.context, at, 4, value);
}

// A 64 bit value in a pair of registers, the low half first.
static void write64(const struct virtio_mmio *mmio, unsigned at, uint64_t value) {
    write32(mmio, at, (uint32_t)value);
    write32(mmio, at + 4, (uint32_t)(value >> 32));
}

static uint64_t features(struct virtio_transport *transport) {
    const struct virtio_mmio *mmio = mmio_of(transport);
    write32(mmio, MMIO_DEVICE_FEATURES_SELECT, 1);
    uint64_t high = read32(mmio, MMIO_DEVICE_FEATURES);
    write32(mmio, MMIO_DEVICE_FEATURES_SELECT, 0);
    return high << 32 | read32(mmio, MMIO_DEVICE_FEATURES);
}

static void set_features(struct virtio_transport *transport, uint64_t value) {
    const struct virtio_mmio *mmio = mmio_of(transport);
    write32(mmio, MMIO_DRIVER_FEATURES_SELECT, 1);
    write32(mmio, MMIO_DRIVER_FEATURES, (uint32_t)(value >> 32));
    write32(mmio, MMIO_DRIVER_FEATURES_SELECT, 0);
    write32(mmio, MMIO_DRIVER_FEATURES, (uint32_t)value);
}

static uint8_t status(struct virtio_transport *transport) {
    return (uint8_t)read32(mmio_of(transport), MMIO_STATUS);
}

static void set_status(struct virtio_transport *transport, uint8_t value) {
    write32(mmio_of(transport), MMIO_STATUS, value);
}

static unsigned queue_size(struct virtio_transport *transport, unsigned index) {
    const struct virtio_mmio *mmio = mmio_of(transport);
    write32(mmio, MMIO_QUEUE_SELECT, index);
    return read32(mmio, MMIO_QUEUE_SIZE_MAX);
}

static enum status queue_enable(struct virtio_transport *transport, unsigned index,
                                const struct virtqueue *queue) {
    const struct virtio_mmio *mmio = mmio_of(transport);
    write32(mmio, MMIO_QUEUE_SELECT, index);
    if (read32(mmio, MMIO_QUEUE_READY) != 0)
        return STATUS_BUSY;
    write32(mmio, MMIO_QUEUE_SIZE, queue->size);
    write64(mmio, MMIO_QUEUE_DESCRIPTORS, queue->descriptors_at);
    write64(mmio, MMIO_QUEUE_DRIVER, queue->available_at);
    write64(mmio, MMIO_QUEUE_DEVICE, queue->used_at);
    write32(mmio, MMIO_QUEUE_READY, 1);
    return STATUS_OK;
}

static void notify(struct virtio_transport *transport, unsigned index) {
    write32(mmio_of(transport), MMIO_QUEUE_NOTIFY, index);
}

static uint32_t interrupt_acknowledge(struct virtio_transport *transport) {
    const struct virtio_mmio *mmio = mmio_of(transport);
    uint32_t causes = read32(mmio, MMIO_INTERRUPT_STATUS);
    if (causes != 0)
        write32(mmio, MMIO_INTERRUPT_ACKNOWLEDGE, causes);
    return causes;
}

// Chapter 4.2.2.2: 64 bit fields are read as two of 32.
static uint64_t config_read(struct virtio_transport *transport, unsigned offset, unsigned size) {
    const struct virtio_mmio *mmio = mmio_of(transport);
    void *context = mmio->access.context;
    if (size < 8)
        return mmio->access.read(context, MMIO_CONFIG + offset, size);
    uint64_t low = mmio->access.read(context, MMIO_CONFIG + offset, 4);
    return low | (uint64_t)mmio->access.read(context, MMIO_CONFIG + offset + 4, 4) << 32;
}

static void config_write(struct virtio_transport *transport, unsigned offset, unsigned size,
                         uint64_t value) {
    const struct virtio_mmio *mmio = mmio_of(transport);
    void *context = mmio->access.context;
    mmio->access.write(context, MMIO_CONFIG + offset, size < 4 ? size : 4, (uint32_t)value);
    if (size == 8)
        mmio->access.write(context, MMIO_CONFIG + offset + 4, 4, (uint32_t)(value >> 32));
}

static uint32_t config_generation(struct virtio_transport *transport) {
    return read32(mmio_of(transport), MMIO_CONFIG_GENERATION);
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

enum status virtio_mmio_open(struct virtio_mmio *mmio, const struct virtio_mmio_access *access,
                             const char **why) {
    mmio->access = *access;
    mmio->transport.operations = &operations;
    if (read32(mmio, MMIO_MAGIC) != MAGIC) {
        *why = "there are no virtio-mmio registers";
        return STATUS_CORRUPT;
    }
    uint32_t version = read32(mmio, MMIO_VERSION);
    mmio->transport.type = read32(mmio, MMIO_DEVICE_ID);
    if (mmio->transport.type == 0) {
        *why = "there is no device behind the virtio-mmio registers";
        return STATUS_NOT_FOUND;
    }
    if (version == VERSION_LEGACY) {
        *why = "the virtio-mmio device is a legacy one (version 1): give QEMU "
               "-global virtio-mmio.force-legacy=false";
        return STATUS_UNSUPPORTED;
    }
    if (version != VERSION) {
        *why = "the virtio-mmio device has a version that is neither 1 nor 2";
        return STATUS_UNSUPPORTED;
    }
    return STATUS_OK;
}
