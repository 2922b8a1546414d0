#include "guest/gkernel/table.h"

#include <stddef.h>

#include "guest/gkernel/page.h"

uint64_t table_reach(unsigned level) { return PAGE_SIZE << (9 * level); }

uint64_t *table_walk(struct phys root, uint64_t va, unsigned level) {
    struct phys table = root;
    for (unsigned at = mmu_format.root_level;; at--) {
        uint64_t *entries = mmu_pointer(table);
        uint64_t *entry = &entries[va / table_reach(at) % TABLE_ENTRIES];
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
