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

// The device that the guest's first lines go to, or NULL: its firmware shows them.
const struct manifest_device *devices_console(const struct manifest_vm *vm);
