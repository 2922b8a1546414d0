// The start, the control line's device, and the receive loop.
#include "libs/virtio/console.h"
#include "libs/virtio/mmio.h"
#include "libs/virtio/pci.h"
#include "servers/monitor/monitor.h"

static struct monitor monitor;
static struct virtio_mmio mmio; // the device is behind one of them
static struct virtio_pci pci;
static struct virtio_console console;
static _Alignas(8) uint8_t own_state[STATE_SLOTS_AT + 2 * sizeof(struct monitor_state)];

static size_t read_device(void *context, void *bytes, size_t size) {
    return virtio_console_read(context, bytes, size);
}

static size_t write_device(void *context, const void *bytes, size_t size) {
    return virtio_console_write(context, bytes, size);
}

static void acknowledge_device(void *context) { (void)virtio_console_interrupt(context); }

static const struct monitor_device device = {read_device, write_device, acknowledge_device,
                                             &console};

// The device in a slot of virtio-mmio, or where "function" is the configuration space of a PCI
// function, which is to have its registers in the slot's place.
static enum status open_transport(const struct config_entry *slot,
                                  struct virtio_transport **transport, const char **why) {
    const struct config_entry *function = rt_find("function", 0);
    volatile void *registers = (volatile void *)(uintptr_t)slot->address;
    if (function != NULL) {
        const struct virtio_pci_place place = {(volatile void *)(uintptr_t)function->address,
                                               registers, slot->physical, slot->size};
        *transport = &pci.transport;
        return virtio_pci_open(&pci, &place, why);
    }
    const struct virtio_mmio_access access = virtio_mmio_window(registers);
    *transport = &mmio.transport;
    return virtio_mmio_open(&mmio, &access, why);
}

// Where there is no console device there is no control line, and nothing is amiss.
static void open_control(void) {
    const struct config_entry *slot = rt_find("virtio", 0), *dma = rt_find("dma", 0);
    struct virtio_transport *transport;
    const char *why = NULL;
    if (slot == NULL || dma == NULL)
        return;
    const struct virtio_memory memory = {(void *)(uintptr_t)dma->address, dma->physical, dma->size};
    enum status status = open_transport(slot, &transport, &why);
    if (status == STATUS_NOT_FOUND)
        return;
    if (status == STATUS_OK) {
        status = virtio_console_init(&console, transport, &memory);
        why = virtio_console_error_text(&console);
    }
    if (status == STATUS_OK)
        monitor.control.device = &device;
    else
        rt_log("monitor: there is no control line: %s", why);
}

static enum status take_over(void *taking) {
    const struct config_entry *state = rt_find("state", 0);
    void *region = state != NULL ? (void *)(uintptr_t)state->address : own_state;
    size_t size = state != NULL ? state->size : sizeof(own_state);
    enum status status = monitor_adopt(taking, region, size);
    if (status != STATUS_OK)
        return status;
    open_control();
    typing_resume(taking);
    return STATUS_OK;
}

int main(void) {
    monitor_configure(&monitor);
    rt_succeed(take_over, MONITOR_STATE_VERSION, monitor_handle, &monitor);
}
