// What a manifest may say on which architecture.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MANIFEST_ARCH_FEATURES 4

// A yes/no property of a VM, and the bit of enum vcpu_feature that it stands for.
struct manifest_feature {
    const char *property;
    uint64_t feature;
};

struct manifest_arch {
    const char *name;
    unsigned guest_bits;    // guest-physical addresses have so many bits
    unsigned host_bits;     // host-physical ones
    bool port_io;           // exits of class IO exist
    const char *isa_prefix; // what a VM's `isa` begins with
    const char *isa_bases;  // one of these letters follows
    const char *controller; // the interrupt controller that the core can drive
    const char *reset;      // the device that init can turn the machine off by
    // One more than can be filled: the list ends in a property that is NULL.
    struct manifest_feature feature[MANIFEST_ARCH_FEATURES + 1];
};

// The architecture NAME, or NULL.
const struct manifest_arch *manifest_arch_find(const char *name);
