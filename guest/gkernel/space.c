#include "guest/gkernel/space.h"

#include <stddef.h>

#include "guest/gkernel/page.h"
#include "guest/gkernel/table.h"
#include "guest/lib/string.h"

bool space_create(struct space *space) {
    *space = (struct space){0};
    if (!page_alloc(&space->root))
        return false;
    const uint64_t *from = mmu_pointer(mmu_boot_root());
    uint64_t *to = mmu_pointer(space->root);
    for (unsigned slot = mmu_format.kernel_slot; slot < TABLE_ENTRIES; slot++)
        to[slot] = from[slot];
    return true;
}

// Frees what the table's first `slots` entries lead to, then the table. As deep as there are levels
// of tables, no deeper.
static void free_table(struct phys table, unsigned level, unsigned slots) {
    const uint64_t *entries = mmu_pointer(table);
    for (unsigned slot = 0; slot < slots; slot++) {
        if (!mmu_is_present(entries[slot]))
            continue;
        if (mmu_is_leaf(entries[slot], level))
            page_free(mmu_address(entries[slot]));
        else
            free_table(mmu_address(entries[slot]), level - 1, TABLE_ENTRIES);
    }
    page_free(table);
}

void space_destroy(struct space *space) {
    free_table(space->root, mmu_format.root_level, mmu_format.kernel_slot);
    *space = (struct space){0};
}

bool space_add(struct space *space, const struct space_region *region) {
    if (space->regions == SPACE_REGIONS || region->start >= region->end ||
        region->end > mmu_format.user_end || (region->start | region->end) % PAGE_SIZE != 0 ||
        ((region->rights & MMU_WRITE) && (region->rights & MMU_EXECUTE)))
        return false;
    for (unsigned i = 0; i < space->regions; i++) {
        if (region->start < space->region[i].end && space->region[i].start < region->end)
            return false;
    }
    space->region[space->regions++] = *region;
    return true;
}

// The part of the region's data that belongs in the page at `va`.
static void fill(const struct space_region *region, uint64_t va, uint8_t *page) {
    const uint64_t data_end = region->data_start + region->data_size;
    const uint64_t from = region->data_start > va ? region->data_start : va;
    const uint64_t to = data_end < va + PAGE_SIZE ? data_end : va + PAGE_SIZE;
    if (from < to)
        memcpy(page + (from - va), region->data + (from - region->data_start), to - from);
}

static bool populate(struct space *space, const struct space_region *region, uint64_t va) {
    uint64_t *entry = table_walk(space->root, va, 0);
    struct phys page;
    // A page that is there and faulted all the same would fault again for ever.
    if (entry == NULL || mmu_is_present(*entry) || !page_alloc(&page))
        return false;
    fill(region, va, mmu_pointer(page));
    if (region->rights & MMU_EXECUTE)
        mmu_sync_code(mmu_pointer(page), PAGE_SIZE);
    *entry = mmu_leaf(page, region->rights | MMU_USER, 0);
    mmu_flush();
    return true;
}

bool space_fault(struct space *space, uint64_t address, unsigned access) {
    for (unsigned i = 0; i < space->regions; i++) {
        const struct space_region *region = &space->region[i];
        if (address >= region->start && address < region->end)
            return (region->rights & access) == access &&
                   populate(space, region, address & ~(PAGE_SIZE - 1));
    }
    return false;
}

void space_activate(const struct space *space) {
    mmu_activate(space != NULL ? space->root : mmu_boot_root());
}
