// Page tables, written by one and the same code for tasks and for guests' second stage: three
// levels of 512 entries (the top level of a second stage may have more), pages of 2^12, 2^21 and
// 2^30 bytes. What an entry looks like is the architecture's (arch/space.h).
#pragma once

#include "kernel/types.h"

struct space;

// Maps the page of 2^BITS bytes at ADDRESS to TARGET, both aligned to it, with RIGHTS (enum
// rights: R, W, X). INVALID: not aligned, or rights that the hardware can't express. RANGE: no such
// address in this kind of space. EXISTS: something is mapped there. NO_MEMORY: no page left for a
// table.
NODISCARD enum status pagetable_map(struct space *space, space_addr_t address, hpa_t target,
                                    unsigned bits, unsigned rights);

// True when the 2^BITS bytes at ADDRESS are mapped to TARGET with RIGHTS, in a page of that size or
// a larger one.
bool pagetable_is(const struct space *space, space_addr_t address, hpa_t target, unsigned bits,
                  unsigned rights);
