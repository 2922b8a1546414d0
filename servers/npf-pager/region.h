// What a VM has at which guest-physical addresses: RAM, passed-through windows, emulated registers.
// A table that is made once and only looked at from then on. Whatever is not in it is not there.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ipc/exit.h"
#include "ipc/status.h"

// The compiler takes code that ends in an answer for rare, and would not inline what leads there.
#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define REGION_MAX 24 // of one VM
#define REGION_SMALL_BITS 12
#define REGION_BIG_BITS 21
#define REGION_SMALL (1ull << REGION_SMALL_BITS) // bytes of a page
#define REGION_BIG (1ull << REGION_BIG_BITS)

struct device_model;

// Kinds of memory.
enum region_kind { REGION_RAM, REGION_PASSTHROUGH };

// What an access is answered by.
enum region_action { REGION_REFUSE, REGION_MAP, REGION_LOAD, REGION_STORE };

#define REGION_ACCESSES 8 // values of enum access

struct region {
    uint64_t base; // guest-physical
    uint64_t size; // in bytes
    // The part of it that whole 2 MiB pages map; big_size is 0 where there is none.
    uint64_t big_base;
    uint64_t big_size;
    uint64_t big_mapping;            // REPLY_MAPPING of a 2 MiB page of it,
    uint64_t small_mapping;          // and of a 4 KiB page
    uint8_t action[REGION_ACCESSES]; // enum region_action, by enum access
    // Of a device:
    const struct device_model *model;
    uint32_t state_offset; // of its words, in the server's state
    uint32_t line;         // by which it interrupts; 0: none
};

// Whether ADDRESS is in REGION.
ALWAYS_INLINE bool region_holds(const struct region *region, uint64_t address) {
    return address - region->base < region->size;
}

// What is done about ACCESS (enum access) to one of its addresses.
ALWAYS_INLINE enum region_action region_action(const struct region *region, uint64_t access) {
    return (enum region_action)region->action[access % REGION_ACCESSES];
}

// A page of a region, as REPLY_MAP says it.
struct region_page {
    uint64_t address;
    uint64_t mapping;
    uint64_t offset; // in the region's frame
};

// The largest page of REGION, which is memory, that holds ADDRESS.
ALWAYS_INLINE struct region_page region_page(const struct region *region, uint64_t address) {
    bool big = address - region->big_base < region->big_size;
    uint64_t page = address & (big ? -REGION_BIG : -REGION_SMALL);
    return (struct region_page){page, big ? region->big_mapping : region->small_mapping,
                                page - region->base};
}

struct region_table {
    uint32_t count;
    struct region region[REGION_MAX];
};

// Memory that a touch maps: SIZE bytes at BASE, from the frame in SLOT, which begins at the
// host-physical address PHYSICAL, with RIGHTS (enum rights); by 2 MiB pages where these fit when
// BIG. INVALID: not whole pages, no rights, or too high. NO_MEMORY: the table is full.
NODISCARD enum status region_add_memory(struct region_table *table, enum region_kind kind,
                                        uint64_t base, uint64_t size, uint64_t physical,
                                        unsigned slot, unsigned rights, bool big);

// Registers of a device of MODEL, whose words are at STATE_OFFSET in the state, and which
// interrupts by LINE. They may lie anywhere in a page, but BASE and SIZE are multiples of 8, so
// that an aligned access that begins in them ends in them. Errors as above.
NODISCARD enum status region_add_device(struct region_table *table, uint64_t base, uint64_t size,
                                        const struct device_model *model, uint32_t state_offset,
                                        uint32_t line);

// Sorts the table, after which it may be looked at. EXISTS: two regions overlap, and *BASE is where
// the second begins.
NODISCARD enum status region_finish(struct region_table *table, uint64_t *base);

// The region that holds ADDRESS, or NULL.
const struct region *region_find(const struct region_table *table, uint64_t address);

// The region that is nearest to ADDRESS; NULL when there are none.
const struct region *region_nearest(const struct region_table *table, uint64_t address);
