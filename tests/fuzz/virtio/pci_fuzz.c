// Any bytes as a PCI function's configuration space and registers: what is opened touches nothing
// beyond them, whatever its capabilities say.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libs/virtio/pci.h"

#define FUNCTION 256u // bytes that have a meaning
#define REGISTERS 0x400u

static void use(struct virtio_transport *transport) {
    const struct virtio_transport_operations *operations = transport->operations;
    const struct virtqueue queue = {.size = 8, .descriptors_at = 4096};
    operations->set_features(transport, operations->features(transport));
    operations->set_status(transport, operations->status(transport));
    for (unsigned i = 0; i < 4; i++) {
        if (operations->queue_size(transport, i) &&
            operations->queue_enable(transport, i, &queue) == STATUS_OK) {
            operations->notify(transport, i);
        }
    }
    operations->interrupt_acknowledge(transport);
    for (unsigned offset = 0; offset < 64; offset += 8) {
        operations->config_write(transport, offset, 8,
                                 operations->config_read(transport, offset, 8));
    }
    operations->config_generation(transport);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    // On the heap, so that the address sanitizer sees what is beyond.
    uint8_t *function = calloc(1, FUNCTION), *registers = calloc(1, REGISTERS);
    if (!function || !registers) {
        abort();
    }
    memcpy(function, data, size < FUNCTION ? size : FUNCTION);
    if (size > FUNCTION) {
        memcpy(registers, data + FUNCTION,
               size - FUNCTION < REGISTERS ? size - FUNCTION : REGISTERS);
    }
    const struct virtio_pci_place place = {function, registers, 0xd0000000, REGISTERS};
    struct virtio_pci pci;
    const char *why = NULL;
    enum status status = virtio_pci_open(&pci, &place, &why);
    if (status == STATUS_OK) {
        use(&pci.transport);
    } else if (!why) {
        abort();
    }
    free(function);
    free(registers);
    return 0;
}
