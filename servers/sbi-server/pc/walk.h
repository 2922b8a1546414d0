// A guest's memory by its own virtual addresses, as its page tables have it (APM volume 2, chapter
// 5): without paging, by tables of two levels, of three (PAE) and of four.
#pragma once

#include "servers/sbi-server/firmware.h"

// What of the guest's CPU decides about it.
struct walk {
    uint64_t cr0, cr3, cr4, efer, flags;
    bool is_user;
};

// The exception that an access ends in, at ADDRESS: a page fault with ERROR, or another.
struct walk_fault {
    uint64_t address;
    uint32_t vector, error;
};

// Whether SIZE bytes at virtual ADDRESS can be read, or written; if not, FOUND says why.
bool walk_check(const struct firmware_call *call, const struct walk *walk, uint64_t address,
                unsigned size, bool writes, struct walk_fault *found);

// Reads SIZE bytes. False: not all of them are there. Writes what was checked.
bool walk_read(const struct firmware_call *call, const struct walk *walk, uint64_t address,
               uint8_t *into, unsigned size);
void walk_write(const struct firmware_call *call, const struct walk *walk, uint64_t address,
                const uint8_t *from, unsigned size);
