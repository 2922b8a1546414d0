#include "guest/gkernel/space.h"

#include "guest/gkernel/mapping.h"
#include "guest/gkernel/page.h"
#include "guest/gkernel/table.h"
#include "guest/lib/string.h"

struct space *space_create(void) {
    struct phys page, root;
    if (!page_alloc(&page))
        return NULL;
    if (!page_alloc(&root)) {
        page_free(page);
        return NULL;
    }
    const uint64_t *from = mmu_pointer(mmu_boot_root());
    uint64_t *to = mmu_pointer(root);
    for (unsigned slot = mmu_format.kernel_slot; slot < TABLE_ENTRIES; slot++)
        to[slot] = from[slot];
    struct space *space = mmu_pointer(page);
    space->root = root;
    return space;
}

struct space *space_fork(struct space *space) {
    struct space *child = space_create();
    if (child == NULL)
        return NULL;
    memcpy(child->region, space->region, space->regions * sizeof(space->region[0]));
    child->regions = space->regions;
    child->heap_start = space->heap_start;
    child->heap_end = space->heap_end;
    if (!mapping_copy(space, child)) {
        space_release(child);
        return NULL;
    }
    return child;
}

void space_release(struct space *space) {
    mapping_drop(space, SPACE_START, SPACE_END);
    table_free(space->root, mmu_format.kernel_slot);
    page_free(mmu_physical(space));
}

void space_activate(const struct space *space) {
    mmu_activate(space != NULL ? space->root : mmu_boot_root());
}

enum space_answer space_fault(struct space *space, uint64_t address, unsigned access) {
    const struct space_region *region = region_find(space, address);
    if (region == NULL)
        return SPACE_NOTHING_THERE;
    if (region->kind == SPACE_GUARD)
        return SPACE_STACK_OVERFLOW;
    if ((region->rights & access) != access)
        return SPACE_NO_RIGHT;
    return mapping_make(space, region, address, access) ? SPACE_DONE : SPACE_NO_MEMORY;
}
