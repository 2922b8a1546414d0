// The memory that objects are made of. It is set aside at boot, in the amount the boot bundle asks
// for, and is never mapped into any space; so a task can't reach an object, and no task's
// behaviour can use up more than it was given. init says which pages make which object; the pool
// only checks that they are free.
#pragma once

#include "ipc/cap.h"
#include "kernel/types.h"

struct pool_page {
    uint32_t generation; // grows when the object ends: capabilities to it die
    uint16_t pages;      // of the object that begins here; 0 in its other pages
    uint8_t type;        // enum object_type; OBJECT_NONE: free
    uint8_t reserved;
};

struct pool {
    char *base; // of page 0, as the core sees it
    uint32_t count;
    struct pool_page *page; // one each; stands in the first pages of the pool
};

extern struct pool pool;

// Takes PAGES pages from FIRST on for an object of TYPE; the first CLEAR of them zeroed. EXISTS
// when one of them is in use, RANGE when they are not all in the pool.
NODISCARD enum status pool_take(uint32_t first, uint32_t pages, uint32_t clear,
                                enum object_type type);

// Gives the pages of the object at FIRST back; all capabilities to it are dead from now on.
void pool_free(uint32_t first);

// The page at which OBJECT begins.
uint32_t pool_index(const void *object);

static inline void *pool_object(uint32_t index) { return pool.base + (uint64_t)index * PAGE_SIZE; }
