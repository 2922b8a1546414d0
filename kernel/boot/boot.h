// The generic start: object memory, and `init`, the first task, with all there is.
#pragma once

#include "kernel/types.h"

struct cpu;

struct boot_info {
    struct cpu *cpu;
    hpa_t image;  // the core's first byte; everything up to the end of object memory is its own
    hpa_t bundle; // the boot bundle (ipc/bundle.h)
    uint64_t argument[3]; // for init: the machine's device tree, this CPU's number, instructions
                          // executed before the core's first
};

// Builds init from the bundle and makes it ready. Its first eight argument words are: the bundle's
// address and size, the machine's three arguments, the pool's pages, the first free one of them,
// and the address where the frame INIT_SLOT_HIGH begins.
void boot_main(const struct boot_info *info);
