// A process's address space: a page table, and the regions that say what may be in it. A region's
// pages are made when they are first touched.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/mmu.h"

#define SPACE_REGIONS 16

// Whole pages [start, end) of user memory. The `data_size` bytes from `data_start` on come from
// `data`, all others begin as zero.
struct space_region {
    uint64_t start, end;
    unsigned rights; // without MMU_USER; never both MMU_WRITE and MMU_EXECUTE
    uint64_t data_start;
    const uint8_t *data;
    uint64_t data_size;
};

struct space {
    struct phys root;
    struct space_region region[SPACE_REGIONS];
    unsigned regions;
};

// A space without regions. False when memory is short.
bool space_create(struct space *space);

// Gives back all its memory. It must not be the active one.
void space_destroy(struct space *space);

// False when the region is not whole pages of user memory, overlaps another, is both writable and
// executable, or there are too many.
bool space_add(struct space *space, const struct space_region *region);

// A user's access to `address` faulted. True when the page is there now and the access can be
// tried again; false when no region allows it, or memory is short.
bool space_fault(struct space *space, uint64_t address, unsigned access);

// NULL is the kernel's part alone.
void space_activate(const struct space *space);
