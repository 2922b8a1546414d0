// The pages of a space: what the entries of its page tables hold. An entry at level 0 is one of
//
//     zero          the page was never touched
//     a leaf        what the CPU allows now: never more than the region's rights, and it does not
//                   allow to write what another space has too, unless the region is shared
//     an address    of a page that is there, but that nobody may reach (PROT_NONE); not present
//
// Rights are only ever added by mapping_make, one page at a time, when an access asks for them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/gkernel/space.h"

// Makes the page at `va` ready for `access`, which the region allows: its first content, or a copy
// of one's own before a private page is written that another space has too. False when memory is
// short.
bool mapping_make(struct space *space, const struct space_region *region, uint64_t va,
                  unsigned access);

// Gives the pages in [start, end) back.
void mapping_drop(struct space *space, uint64_t start, uint64_t end);

// Takes all but `rights` from the pages in [start, end).
void mapping_restrict(struct space *space, uint64_t start, uint64_t end, unsigned rights);

// Puts every page of `from` into `to`, which has none yet, and takes the right to write private
// ones from both. False when memory is short: `to` has some of them then.
bool mapping_copy(struct space *from, struct space *to);
