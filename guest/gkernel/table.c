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

// As deep as there are levels of tables, no deeper.
static uint64_t *next_in(struct phys table, unsigned level, uint64_t *va, uint64_t end) {
    const uint64_t reach = table_reach(level);
    uint64_t *entries = mmu_pointer(table);
    uint64_t at = *va;
    for (unsigned slot = at / reach % TABLE_ENTRIES; slot < TABLE_ENTRIES && at < end;
         slot++, at = (at & ~(reach - 1)) + reach) {
        if (entries[slot] == 0)
            continue;
        *va = at;
        uint64_t *found =
            level == 0 ? &entries[slot] : next_in(mmu_address(entries[slot]), level - 1, va, end);
        if (found != NULL)
            return found;
    }
    return NULL;
}

uint64_t *table_next(struct phys root, uint64_t *va, uint64_t end) {
    return next_in(root, mmu_format.root_level, va, end);
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
