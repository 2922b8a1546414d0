// Walking page tables, the kernel's and the users' alike.
#pragma once

#include <stdint.h>

#include "guest/mmu.h"

// The bytes that one entry at `level` covers.
uint64_t table_reach(unsigned level);

// The entry for `va` at `level` under `root`, with the tables above it made where they are missing.
// NULL when memory is short, or when a larger leaf covers `va`.
uint64_t *table_walk(struct phys root, uint64_t va, unsigned level);
