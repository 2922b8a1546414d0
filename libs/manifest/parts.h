// The parts of a manifest, each read by its own file. They report through the reader.
#pragma once

#include "libs/manifest/reader.h"

// /servers: fills manifest->server. First of all parts, because the others name servers.
void servers_read(struct reader *reader, int node);

// /vms: fills manifest->vm.
void vms_read(struct reader *reader, int node);

// What the guest of the VM at NODE finds at its guest-physical addresses: memory, reserved-memory,
// passthrough, devices. The VM's exits have been read.
void layout_read(struct reader *reader, int node, struct manifest_vm *vm);

// Whether ADDRESS is in guest RAM.
bool layout_has_ram(const struct manifest_vm *vm, uint64_t address);
