// The architecture's part of a guest's device tree. One file implements it for each, chosen by the
// build: cpus_riscv64.c, ...
#pragma once

#include "libs/guestdt/guestdt.h"
#include "libs/guestdt/writer.h"

// What the root node is compatible with.
extern const char *const cpus_root_compatible;

// Writes the node /cpus. INVALID: PARAMS or VM say what is none of this architecture. Whether there
// was room is in the writer.
NODISCARD enum status cpus_write(struct writer *writer, const struct manifest_vm *vm,
                                 const struct guestdt_params *params);
