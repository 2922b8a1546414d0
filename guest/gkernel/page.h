// Physical memory, page by page. Pages are taken in ascending order the first time, so memory that
// is never asked for is never touched; what was given back is used first.
//
// A page has references: one from page_alloc, more when processes share it (space.h, fork). It is
// free again when the last one is given back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/mmu.h"

// Before page_alloc can give anything that page_free or page_share may be called with: says where
// RAM lies, and takes the place for the counts out of it.
void page_init(struct phys from, struct phys to);

// Lets the allocator have the whole pages in [from, to), but for what was reserved before.
void page_add(struct phys from, struct phys to);

// Keeps every page that [from, to) touches from being given out. Says nothing about pages that were
// given out already.
void page_reserve(struct phys from, struct phys to);

// A page of zeroes with one reference, or false when there is none left.
bool page_alloc(struct phys *page);

// One reference more; one less.
void page_share(struct phys page);
void page_free(struct phys page);
unsigned page_references(struct phys page);

uint64_t page_count_free(void);

// Clears one page for a later page_alloc. False when enough of them are clean.
bool page_clean_one(void);
