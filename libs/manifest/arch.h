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
    bool window;            // exits of class WINDOW exist
    const char *isa_prefix; // what a VM's `isa` begins with; NULL: VMs have no `isa`
    const char *isa_bases;  // one of these letters follows
    const char *controller; // the interrupt controller that the core can drive
    bool contexts;          // CPUs have numbers of their own there
    uint32_t line_last;     // the highest number of a line there; the lowest is 1
    // What each CPU has there in a place of its own, in bytes, below `redistributors`; 0: nothing.
    uint64_t redistributor;
    const char *emulated_controller; // one that a guest can have; NULL: there is none
    uint32_t emulated_line_last;     // the highest number of a line there; the lowest is 1
    const char *console;             // the UART that the core can panic to; NULL: it needs none
    const char *reset; // the device that init can turn the machine off by; NULL: it needs none
    // One more than can be filled: the list ends in a property that is NULL.
    struct manifest_feature feature[MANIFEST_ARCH_FEATURES + 1];
};

// The architecture NAME, or NULL.
const struct manifest_arch *manifest_arch_find(const char *name);
