// What a guest must know of its machine, read from the flattened device tree it was started with
// (tree.h), or where there is none from what its loader left (multiboot.h).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/mmu.h"

struct machine_range {
    uint64_t base;
    uint64_t size;
};

#define MACHINE_RESERVED_MAX 16
#define MACHINE_CPUS_MAX 8

struct machine {
    struct machine_range memory; // the first range of memory, with those that touch it
    struct machine_range reserved[MACHINE_RESERVED_MAX];
    unsigned reserved_count;
    unsigned cpus;                     // cpu nodes that are not disabled
    uint64_t cpu_id[MACHINE_CPUS_MAX]; // their "reg", as far as there is room
    uint64_t timebase;                 // ticks of the counter a second, 0 when not said
    const char *bootargs;              // "" when there are none
    const void *tree;                  // where all this was read, NULL when there is none
    size_t tree_size;
};

// The size in bytes that the tree at `tree` says it has, or 0 when there is no tree. Reads the
// first 8 bytes only, so that a caller can map the rest before it is read.
size_t machine_tree_size(const void *tree);

// Fills `machine` from the tree, whose `size` bytes are readable. The strings in it point into the
// tree, which is read again for devices: it must stay where it is. False when the tree is
// malformed, does not say where memory is, or reserves more ranges than there is room for.
bool machine_read(struct machine *machine, const void *tree, size_t size);

// Shows physical memory, and leaves it where it shows it.
typedef const void *machine_show(struct phys at, uint64_t size);

// The same of a tree in physical memory, which is reserved, too. Returns NULL, or in words what is
// wrong.
const char *machine_read_physical(struct machine *machine, struct phys tree, machine_show *show);

// Where the registers are of the first device that calls itself `compatible` and is not disabled:
// range `index` of its "reg". False when there is no such device or range.
bool machine_device(const struct machine *machine, const char *compatible, unsigned index,
                    struct machine_range *range);

// The first string of a property of such a device, NULL when it has none.
const char *machine_device_text(const struct machine *machine, const char *compatible,
                                const char *property);

// The value of `name=value` in the boot arguments, copied to `value` (cut to `size` - 1
// characters), or false when it is not there.
bool machine_bootarg(const struct machine *machine, const char *name, char *value, size_t size);
