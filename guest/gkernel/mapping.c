#include "guest/gkernel/mapping.h"

#include <stddef.h>

#include "guest/gkernel/page.h"
#include "guest/gkernel/table.h"
#include "guest/lib/string.h"

static struct phys page_of(uint64_t entry) {
    return mmu_is_present(entry) ? mmu_address(entry) : (struct phys){entry};
}

static uint64_t entry_of(struct phys page, unsigned rights) {
    rights &= ~MMU_USER;
    return rights == 0 ? page.raw : mmu_leaf(page, rights | MMU_USER, 0);
}

static unsigned rights_of(uint64_t entry) { return mmu_is_present(entry) ? mmu_rights(entry) : 0; }

// The part of the region's data that belongs in the page at `va`.
static void fill(const struct space_region *region, uint64_t va, uint8_t *page) {
    const uint64_t data_end = region->data_start + region->data_size;
    const uint64_t from = region->data_start > va ? region->data_start : va;
    const uint64_t to = data_end < va + PAGE_SIZE ? data_end : va + PAGE_SIZE;
    if (from < to)
        memcpy(page + (from - va), region->data + (from - region->data_start), to - from);
}

static bool is_lent(const struct space_region *region, struct phys page) {
    return !region->shared && page_references(page) > 1;
}

// Puts a copy in the page's place. The entry is empty for a moment, because a translation that is
// in use must not be changed to another page (Arm's "break-before-make").
static bool make_copy(uint64_t *entry) {
    const struct phys old = page_of(*entry);
    struct phys copy;
    if (!page_alloc_dirty(&copy))
        return false;
    memcpy(mmu_pointer(copy), mmu_pointer(old), PAGE_SIZE);
    *entry = 0;
    mmu_flush();
    *entry = copy.raw;
    page_free(old);
    return true;
}

static bool make_first(uint64_t *entry, const struct space_region *region, uint64_t va) {
    struct phys page;
    if (!page_alloc(&page))
        return false;
    fill(region, va, mmu_pointer(page));
    *entry = page.raw;
    return true;
}

bool mapping_make(struct space *space, const struct space_region *region, uint64_t va,
                  unsigned access) {
    va &= ~(PAGE_SIZE - 1);
    uint64_t *entry = table_walk(space->root, va, 0);
    if (entry == NULL || (*entry == 0 && !make_first(entry, region, va)))
        return false;
    if ((access & MMU_WRITE) && is_lent(region, page_of(*entry)) && !make_copy(entry))
        return false;
    const struct phys page = page_of(*entry);
    unsigned rights = region->rights;
    if (is_lent(region, page))
        rights &= ~MMU_WRITE;
    if ((rights & MMU_EXECUTE) && !(rights_of(*entry) & MMU_EXECUTE))
        mmu_sync_code(mmu_pointer(page), PAGE_SIZE);
    *entry = entry_of(page, rights);
    mmu_flush();
    return true;
}

void mapping_drop(struct space *space, uint64_t start, uint64_t end) {
    uint64_t *entry;
    for (uint64_t va = start; (entry = table_next(space->root, &va, end)) != NULL;
         va += PAGE_SIZE) {
        page_free(page_of(*entry));
        *entry = 0;
    }
    mmu_flush();
}

void mapping_restrict(struct space *space, uint64_t start, uint64_t end, unsigned rights) {
    uint64_t *entry;
    for (uint64_t va = start; (entry = table_next(space->root, &va, end)) != NULL; va += PAGE_SIZE)
        *entry = entry_of(page_of(*entry), rights_of(*entry) & rights);
    mmu_flush();
}

bool mapping_copy(struct space *from, struct space *to) {
    uint64_t *entry;
    for (uint64_t va = SPACE_START; (entry = table_next(from->root, &va, SPACE_END)) != NULL;
         va += PAGE_SIZE) {
        uint64_t *copy = table_walk(to->root, va, 0);
        if (copy == NULL)
            break;
        const struct phys page = page_of(*entry);
        if (!region_find(from, va)->shared)
            *entry = entry_of(page, rights_of(*entry) & ~MMU_WRITE);
        *copy = *entry;
        page_share(page);
    }
    mmu_flush();
    return entry == NULL;
}
