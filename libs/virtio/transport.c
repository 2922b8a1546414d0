#include "libs/virtio/transport.h"

// Chapter 2.4: a reset can take a while, but reads of the status are slow too, as each one is an
// access of the device. On QEMU the first shows that it is done.
#define RESET_POLLS 10000

enum status virtio_reset(struct virtio_transport *transport) {
    transport->operations->set_status(transport, 0);
    for (unsigned i = 0; i < RESET_POLLS; i++) {
        if (transport->operations->status(transport) == 0)
            return STATUS_OK;
    }
    return STATUS_IO;
}

enum status virtio_negotiate(struct virtio_transport *transport, uint64_t wanted, uint64_t *agreed,
                             const char **why) {
    const struct virtio_transport_operations *operations = transport->operations;
    if (virtio_reset(transport) != STATUS_OK) {
        *why = "the device does not answer a reset";
        return STATUS_IO;
    }
    uint8_t status = VIRTIO_STATUS_ACKNOWLEDGE;
    operations->set_status(transport, status);
    status |= VIRTIO_STATUS_DRIVER;
    operations->set_status(transport, status);
    uint64_t offered = operations->features(transport);
    if (!(offered & VIRTIO_FEATURE_VERSION_1)) {
        *why = "the device is a legacy one, from before VirtIO 1.0";
        virtio_give_up(transport);
        return STATUS_UNSUPPORTED;
    }
    *agreed = offered & (wanted | VIRTIO_FEATURE_VERSION_1);
    operations->set_features(transport, *agreed);
    status |= VIRTIO_STATUS_FEATURES_OK;
    operations->set_status(transport, status);
    if (!(operations->status(transport) & VIRTIO_STATUS_FEATURES_OK)) {
        *why = "the device needs features that this driver does not have";
        virtio_give_up(transport);
        return STATUS_UNSUPPORTED;
    }
    return STATUS_OK;
}

void virtio_start(struct virtio_transport *transport) {
    uint8_t status = transport->operations->status(transport);
    transport->operations->set_status(transport, status | VIRTIO_STATUS_DRIVER_OK);
}

void virtio_give_up(struct virtio_transport *transport) {
    uint8_t status = transport->operations->status(transport);
    transport->operations->set_status(transport, status | VIRTIO_STATUS_FAILED);
}
