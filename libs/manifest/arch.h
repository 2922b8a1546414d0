// What a manifest may say on which architecture.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libs/manifest/manifest.h"

#define MANIFEST_ARCH_FEATURES 4
#define MANIFEST_ARCH_CONTROLLERS 2

// A yes/no property of a VM, and the bit of enum vcpu_feature that it stands for.
struct manifest_feature {
    const char *property;
    uint64_t feature;
};

// Registers of an interrupt controller that its node has beside `reg`: SIZE bytes at an address
// that is a multiple of ALIGN.
struct manifest_arch_part {
    const char *property;
    uint64_t size, align;
};

// An interrupt controller that the core can drive.
struct manifest_controller {
    const char *compatible;
    bool contexts; // CPUs have numbers of their own there
    // The first one is what CPUs have of it, and a guest's has it, too.
    struct manifest_arch_part part[MANIFEST_CONTROLLER_PARTS];
    // Of one that a guest can have, too, which is so where the machine's own is such a one: for how
    // many vCPUs (0: it can't), and whether these share the first part's addresses.
    uint32_t vcpus;
    bool shared;
    // Which part of the machine's a guest finds where its own first part is; 0: it finds no
    // registers of the machine's.
    unsigned guests;
};

struct manifest_arch {
    const char *name;
    unsigned guest_bits;    // guest-physical addresses have so many bits
    unsigned host_bits;     // host-physical ones
    bool port_io;           // exits of class IO exist
    bool window;            // exits of class WINDOW exist
    uint32_t vcpus;         // so many all VMs can have together, and thus one: ipc/limits.h
    const char *isa_prefix; // what a VM's `isa` begins with; NULL: VMs have no `isa`
    const char *isa_bases;  // one of these letters follows
    // One more than can be filled: the list ends in one without a name.
    struct manifest_controller controller[MANIFEST_ARCH_CONTROLLERS + 1];
    uint32_t line_last;          // the highest number of a line there; the lowest is 1
    uint32_t emulated_line_last; // and at a guest's; 0: guests have no such controllers
    const char *console;         // the UART that the core can panic to; NULL: it needs none
    const char *reset; // the device that init can turn the machine off by; NULL: it needs none
    // One more than can be filled: the list ends in a property that is NULL.
    struct manifest_feature feature[MANIFEST_ARCH_FEATURES + 1];
};

// The interrupt controller that is COMPATIBLE on ARCH, or NULL.
const struct manifest_controller *manifest_arch_controller(const struct manifest_arch *arch,
                                                           const char *compatible);

// The architecture NAME, or NULL.
const struct manifest_arch *manifest_arch_find(const char *name);
