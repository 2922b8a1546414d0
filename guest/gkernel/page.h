// Physical memory, page by page. Pages are taken in ascending order the first time, so memory that
// is never asked for is never touched; what was given back is used first.
//
// A page has references: one from page_alloc, more when processes share it (space.h, fork). It is
// free again when the last one is given back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/mmu.h"

// Lets the allocator have the whole pages in [from, to), but for what was reserved before.
void page_add(struct phys from, struct phys to);

// Keeps every page that [from, to) touches from being given out. Says nothing about pages that were
// given out already.
void page_reserve(struct phys from, struct phys to);

// Says where RAM lies and takes the place for the counts out of it; it must be in the linear map.
// Pages that were given out before are not counted: page_share and page_free must not be called
// with them. What is left of those that were added before is never given out. Panics when there is
// no room.
void page_init(struct phys from, struct phys to);

// A page with one reference, or false when there is none left: of zeroes, or of whatever was in it
// before, for a caller that writes all of it.
bool page_alloc(struct phys *page);
bool page_alloc_dirty(struct phys *page);

// One reference more; one less. Panic for a page that was not given out.
void page_share(struct phys page);
void page_free(struct phys page);
unsigned page_references(struct phys page);

uint64_t page_count_free(void);

// Clears one page for a later page_alloc. False when enough of them are clean.
bool page_clean_one(void);
