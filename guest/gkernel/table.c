#include "guest/gkernel/table.h"

#include <stddef.h>

#include "guest/gkernel/page.h"

uint64_t table_reach(unsigned level) { return PAGE_SIZE << (9 * level); }

static uint64_t *entry_at(struct phys table, uint64_t va, unsigned level) {
    uint64_t *entries = mmu_pointer(table);
    return &entries[va / table_reach(level) % TABLE_ENTRIES];
}

uint64_t *table_walk(struct phys root, uint64_t va, unsigned level) {
    struct phys table = root;
    for (unsigned at = mmu_format.root_level;; at--) {
        uint64_t *entry = entry_at(table, va, at);
        if (at == level)
            return entry;
        if (!mmu_is_present(*entry)) {
            struct phys made;
            if (!page_alloc(&made))
                return NULL;
            *entry = mmu_table(made);
        } else if (mmu_is_leaf(*entry, at)) {
            return NULL;
        }
        table = mmu_address(*entry);
    }
}

uint64_t *table_find(struct phys root, uint64_t va) {
    struct phys table = root;
    for (unsigned at = mmu_format.root_level; at > 0; at--) {
        const uint64_t entry = *entry_at(table, va, at);
        if (!mmu_is_present(entry) || mmu_is_leaf(entry, at))
            return NULL;
        table = mmu_address(entry);
    }
    return entry_at(table, va, 0);
}

// The table of level 0 for *va. When there is none, NULL, and *va is what the missing table would
// have ended with.
static uint64_t *find_leaves(struct phys root, uint64_t *va) {
    struct phys table = root;
    for (unsigned at = mmu_format.root_level; at > 0; at--) {
        const uint64_t entry = *entry_at(table, *va, at);
        if (!mmu_is_present(entry)) {
            *va = (*va / table_reach(at) + 1) * table_reach(at);
            return NULL;
        }
        table = mmu_address(entry);
    }
    return mmu_pointer(table);
}

uint64_t *table_next(struct phys root, uint64_t *va, uint64_t end) {
    while (*va < end) {
        uint64_t *entries = find_leaves(root, va);
        if (entries == NULL)
            continue;
        unsigned slot = *va / PAGE_SIZE % TABLE_ENTRIES;
        for (; slot < TABLE_ENTRIES && *va < end; slot++, *va += PAGE_SIZE) {
            if (entries[slot] != 0)
                return &entries[slot];
        }
    }
    return NULL;
}

// As deep as there are levels of tables, no deeper.
static void free_tables(struct phys table, unsigned level, unsigned slots) {
    const uint64_t *entries = mmu_pointer(table);
    for (unsigned slot = 0; level > 0 && slot < slots; slot++) {
        if (mmu_is_present(entries[slot]))
            free_tables(mmu_address(entries[slot]), level - 1, TABLE_ENTRIES);
    }
    page_free(table);
}

void table_free(struct phys root, unsigned slots) {
    free_tables(root, mmu_format.root_level, slots);
}
