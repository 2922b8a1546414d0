// Physical memory, page by page. Pages are taken in ascending order the first time, so memory that
// is never asked for is never touched; what was given back is used first.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/mmu.h"

// Lets the allocator have the whole pages in [from, to), but for what was reserved before.
void page_add(struct phys from, struct phys to);

// Keeps every page that [from, to) touches from being given out. Says nothing about pages that were
// given out already.
void page_reserve(struct phys from, struct phys to);

// A page of zeroes, or false when there is none left.
bool page_alloc(struct phys *page);
void page_free(struct phys page);

uint64_t page_count_free(void);

// Clears one page for a later page_alloc. False when enough of them are clean.
bool page_clean_one(void);
