// Makes the device tree that a guest boots with, from its part of the manifest.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ipc/status.h"
#include "libs/manifest/manifest.h"

// What the manifest doesn't say: the machine, and where init put things.
struct guestdt_params {
    uint64_t timebase; // ticks of the guest's counter a second
    // On riscv64 the host's own `riscv,isa` and `mmu-type`, as they stand in its device tree. Of
    // the ISA string the guest is told what works in it: no hypervisor extension, Sstc only where
    // the VM has it. On aarch64 guests ask the CPU itself.
    const char *isa;
    const char *mmu;
    struct manifest_range initrd; // guest-physical; size 0: none
    // What the guest's random numbers begin with: a secret of its own, as /chosen/rng-seed; size 0:
    // none. Linux takes one of 32 bytes for enough, and without any seeds itself again and again
    // while it boots, which takes it 80 million instructions.
    const void *seed;
    size_t seed_size;
};

// Writes a flattened device tree (Devicetree Specification 0.4) for VM into the SIZE bytes at
// BUFFER, which is aligned to 8 bytes, and stores in *USED how many it takes. NO_MEMORY: SIZE is
// too small. INVALID: the ISA string is none of this architecture.
//
// In it: cpus, one memory node per region, chosen (bootargs, initrd, seed, the console where that
// is a device), reserved-memory where there is some, the emulated devices, and those passed-through
// ranges that the manifest calls compatible with something. Everything else the guest finds out
// from its firmware.
NODISCARD enum status guestdt_make(const struct manifest_vm *vm,
                                   const struct guestdt_params *params, void *buffer, size_t size,
                                   size_t *used);
