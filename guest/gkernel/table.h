// Walking page tables, the kernel's and the users' alike.
#pragma once

#include <stdint.h>

#include "guest/mmu.h"

// The bytes that one entry at `level` covers.
uint64_t table_reach(unsigned level);

// The entry for `va` at `level` under `root`, with the tables above it made where they are missing.
// NULL when memory is short, or when a larger leaf covers `va`.
uint64_t *table_walk(struct phys root, uint64_t va, unsigned level);

// The entry for `va` at level 0, or NULL when there is no table for it, or a larger leaf.
uint64_t *table_find(struct phys root, uint64_t va);

// The first entry at level 0 for an address at or behind *va, and before `end`, that is not zero;
// *va becomes that address. NULL when there is none. It goes by the tables that exist, not by
// pages. For user space, where there are no larger leaves.
uint64_t *table_next(struct phys root, uint64_t *va, uint64_t end);

// Gives back the root's first `slots` entries' tables, and the root. The entries at level 0 are not
// looked at.
void table_free(struct phys root, unsigned slots);
