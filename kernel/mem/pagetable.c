#include "kernel/mem/pagetable.h"

#include <string.h>

#include "arch/space.h"
#include "ipc/cap.h"
#include "kernel/object/space.h"

// Levels count from the smallest pages up: 0 has pages of 2^12 bytes, 1 of 2^21, 2 of 2^30.
#define TOP_LEVEL 2

static unsigned pagetable_bits(unsigned level) { return PAGE_BITS + 9 * level; }

static uint64_t pagetable_index(space_addr_t address, unsigned level) {
    uint64_t index = address.v >> pagetable_bits(level);
    return level == TOP_LEVEL ? index : index & 511;
}

// The entry for ADDRESS, at LEVEL or wherever the walk ends before; *LEVEL says where that is.
static uint64_t *pagetable_walk(const struct space *space, space_addr_t address, unsigned *level) {
    unsigned at = TOP_LEVEL;
    uint64_t *entry = &space->root[pagetable_index(address, at)];
    while (at > *level && arch_pte_present(*entry) && !arch_pte_leaf(*entry, at)) {
        at--;
        uint64_t *table = arch_phys_to_virt(arch_pte_target(*entry));
        entry = &table[pagetable_index(address, at)];
    }
    *level = at;
    return entry;
}

// From the root, making the tables that are missing.
COLD static enum status pagetable_map_walking(struct space *space, space_addr_t address,
                                              hpa_t target, unsigned want, unsigned rights) {
    unsigned level = want;
    uint64_t *entry = pagetable_walk(space, address, &level);
    if (arch_pte_present(*entry)) {
        return STATUS_EXISTS;
    }
    if (space->free < level - want) {
        return STATUS_NO_MEMORY;
    }
    while (level > want) {
        uint64_t *table = (uint64_t *)space->tables;
        space->tables += PAGE_SIZE;
        space->free--;
        memset(table, 0, PAGE_SIZE);
        *entry = arch_pte_make_table(arch_virt_to_phys(table));
        level--;
        entry = &table[pagetable_index(address, level)];
    }
    *entry = arch_pte_make_leaf(space->kind, target, rights, want);
    if (want == 0) {
        space->last = entry - pagetable_index(address, 0);
        space->last_base = address.v >> pagetable_bits(1);
    }
    return STATUS_OK;
}

HOT enum status pagetable_map(struct space *space, space_addr_t address, hpa_t target,
                              unsigned bits, unsigned rights) {
    unsigned want = (bits - PAGE_BITS) / 9;
    uint64_t mask = (1ull << bits) - 1;
    if (((address.v | target.v) & mask) || !arch_space_rights_valid(rights)) {
        return STATUS_INVALID;
    }
    if (address.v >= arch_space_limit(space->kind) || target.v >= ARCH_PHYSICAL_LIMIT) {
        return STATUS_RANGE;
    }
    if (want == 0 && space->last && space->last_base == address.v >> pagetable_bits(1)) {
        uint64_t *entry = &space->last[pagetable_index(address, 0)];
        if (arch_pte_present(*entry)) {
            return STATUS_EXISTS;
        }
        *entry = arch_pte_make_leaf(space->kind, target, rights, 0);
        return STATUS_OK;
    }
    return pagetable_map_walking(space, address, target, want, rights);
}

bool pagetable_is(const struct space *space, space_addr_t address, hpa_t target, unsigned bits,
                  unsigned rights) {
    unsigned level = 0;
    uint64_t entry = *pagetable_walk(space, address, &level);
    uint64_t mask = (1ull << pagetable_bits(level)) - 1;
    return arch_pte_present(entry) && arch_pte_leaf(entry, level) &&
           pagetable_bits(level) >= bits && ((address.v ^ target.v) & mask) == 0 &&
           arch_pte_same(entry,
                         arch_pte_make_leaf(space->kind, HPA(target.v & ~mask), rights, level));
}
