// A process's address space: page tables, and the regions that say what may be in them. A region's
// pages are made when they are first touched. fork() shares them until somebody writes.
//
// space.c makes, forks and ends spaces and answers page faults; region.c keeps the list of regions,
// mapping.c the pages.
// Interrupts are off in every function.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/mmu.h"

// Nothing is ever mapped below: a null pointer with a small offset faults.
#define SPACE_START PAGE_SIZE
// The end of the stack, and so of all that a program has. Regions without a place of their own are
// put below the stack's guard page, as high as they fit.
#define SPACE_STACK_END UINT64_C(0x40000000)
#define SPACE_STACK_SIZE (UINT64_C(1) << 20)
#define SPACE_END SPACE_STACK_END
// Where the stack's guard page begins: the end of all other regions.
#define SPACE_MAP_END (SPACE_STACK_END - SPACE_STACK_SIZE - PAGE_SIZE)

enum space_kind {
    SPACE_IMAGE, // a part of the program's file
    SPACE_HEAP,
    SPACE_STACK,
    SPACE_GUARD, // below a stack: no access is allowed, and nothing else is put there
    SPACE_MAPPED,
};

// Whole pages [start, end). The `data_size` bytes from `data_start` on come from `data`, which
// stays where it is; all others begin as zero.
struct space_region {
    uint64_t start, end;
    uint8_t rights; // of MMU_READ, MMU_WRITE, MMU_EXECUTE; never both of the last; 0: none
    uint8_t kind;   // enum space_kind
    bool shared;    // fork() leaves it one memory for both. Its pages are all made at once, and
                    // are never executable
    uint64_t data_start;
    const uint8_t *data;
    uint64_t data_size;
};

// With its regions in one page, sorted by address and not overlapping.
#define SPACE_REGIONS 72

struct space {
    unsigned regions;
    struct phys root;
    uint64_t heap_start, heap_end; // brk(): the heap is [heap_start, heap_end), not whole pages
    struct space_region region[SPACE_REGIONS];
};
_Static_assert(sizeof(struct space) <= PAGE_SIZE, "a space is one page");

// A space without regions. NULL when memory is short.
struct space *space_create(void);

// The same memory once more, for a new process: what is private is shared until one of them
// writes. NULL when memory is short.
struct space *space_fork(struct space *space);

// Gives all memory back. A process's threads share the process, which has the space: when the last
// one ends, it must not be active any more.
void space_release(struct space *space);

// NULL is the kernel's part alone.
void space_activate(const struct space *space);

enum space_answer {
    SPACE_DONE,
    SPACE_NOTHING_THERE, // no region
    SPACE_NO_RIGHT,
    SPACE_STACK_OVERFLOW, // the access met a guard page
    SPACE_NO_MEMORY,
};

// A user's access (MMU_READ, MMU_WRITE or MMU_EXECUTE) to `address` is to be possible: makes the
// page, or a copy of one's own of a shared one. SPACE_DONE: the access can be tried again.
enum space_answer space_fault(struct space *space, uint64_t address, unsigned access);

// The list of regions (region.c). Addresses and sizes are whole pages of user memory, or the call
// is refused. Results are 0 or a negative errno: EINVAL, ENOMEM (no room, no memory, or too many
// regions), EACCES (writable and executable, or shared and executable), EEXIST (region_add:
// overlaps another). What is refused has changed nothing. The right to write includes that to read.

// Adds a region where it says. Neighbours that are alike become one.
int region_add(struct space *space, const struct space_region *region);

// The highest free place of that size below the stack's guard, or 0.
uint64_t region_place(const struct space *space, uint64_t size);

// Takes away everything in [start, end) but guards, cutting regions where they reach beyond; holes
// are fine.
int region_remove(struct space *space, uint64_t start, uint64_t end);

// Changes the rights of [start, end), which must be covered by regions without a hole (ENOMEM), and
// guards count as holes. What is in the pages stays, even when nobody has a right to it for a
// while.
int region_protect(struct space *space, uint64_t start, uint64_t end, unsigned rights);

// The region that `address` lies in, or NULL.
const struct space_region *region_find(const struct space *space, uint64_t address);

// brk(): moves the heap's end; returns the new end, or the old one when that is not possible.
uint64_t region_move_heap(struct space *space, uint64_t end);
