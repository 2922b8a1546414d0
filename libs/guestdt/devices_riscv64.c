// Devices that interrupt nobody, and a console that is the firmware's.
#include <stddef.h>

#include "libs/guestdt/devices.h"

void devices_write_root(struct writer *writer, const struct manifest_vm *vm) {
    (void)writer, (void)vm;
}

void devices_write_common(struct writer *writer, const struct manifest_vm *vm) {
    (void)writer, (void)vm;
}

void devices_write(struct writer *writer, const struct manifest_device *device) {
    writer_begin_at(writer, device->name, device->guest);
    writer_text(writer, "compatible", device->compatible);
    writer_end(writer);
}

const struct manifest_device *devices_console(const struct manifest_vm *vm) {
    (void)vm;
    return NULL;
}
