// How the architecture's device trees describe devices. One file implements it for each, chosen by
// the build: devices_riscv64.c, ...
#pragma once

#include "libs/guestdt/writer.h"

// The root's properties that nodes below refer to.
void devices_write_root(struct writer *writer, const struct manifest_vm *vm);

// Nodes that devices refer to.
void devices_write_common(struct writer *writer, const struct manifest_vm *vm);

// The node of one emulated device.
void devices_write(struct writer *writer, const struct manifest_device *device);

// Whether it is the VM's interrupt controller, and whether there is one. (CPUs have a part of it.)
static inline bool devices_is_controller(const struct manifest_device *device) {
    return device->cpu_part.size != 0;
}
static inline bool devices_interrupt(const struct manifest_vm *vm) {
    bool found = false;
    for (uint32_t i = 0; i < vm->device_count; i++)
        found = found || devices_is_controller(&vm->device[i]);
    return found;
}

// The device that the guest's first lines go to, or NULL: its firmware shows them.
const struct manifest_device *devices_console(const struct manifest_vm *vm);
