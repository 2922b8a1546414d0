// A list of harts, as calls name it (chapter 3.1). Hart ids are vCPU numbers: 0…vcpus-1.
#pragma once

#include "servers/sbi-server/sbi/sbi.h"

// All harts of the VM, as a mask.
static inline uint64_t harts_all(const struct firmware_vm *vm) {
    return vm->vcpus >= 64 ? UINT64_MAX : (1ull << vm->vcpus) - 1;
}

// The harts that bit i of MASK and the hart id BASE + i name, into *HARTS. False: one of them, or
// BASE, is not the VM's.
bool harts_from_mask(const struct firmware_vm *vm, uint64_t mask, uint64_t base, uint64_t *harts);
