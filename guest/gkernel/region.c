// The list of a space's regions: sorted by address, never overlapping, neighbours that are alike
// made one, since every malloc() that grows would otherwise leave one more.
#include <errno.h>

#include "guest/gkernel/mapping.h"
#include "guest/gkernel/page.h"
#include "guest/gkernel/space.h"
#include "guest/lib/string.h"

static bool is_range(uint64_t start, uint64_t end) {
    return start >= SPACE_START && start < end && end <= SPACE_END &&
           (start | end) % PAGE_SIZE == 0;
}

// As the hardware has them: who may write may read.
static unsigned whole_rights(unsigned rights) {
    return rights & MMU_WRITE ? rights | MMU_READ : rights;
}

// Memory that others have too could be written by one of them while another executes it.
static bool is_allowed(unsigned rights, bool shared) {
    return !(rights & MMU_EXECUTE) || !((rights & MMU_WRITE) || shared);
}

// The first region that ends behind `address`.
static unsigned find(const struct space *space, uint64_t address) {
    unsigned index = 0;
    while (index < space->regions && space->region[index].end <= address)
        index++;
    return index;
}

const struct space_region *region_find(const struct space *space, uint64_t address) {
    const unsigned index = find(space, address);
    return index < space->regions && space->region[index].start <= address ? &space->region[index]
                                                                           : NULL;
}

static void insert(struct space *space, unsigned index, struct space_region region) {
    memmove(&space->region[index + 1], &space->region[index],
            (space->regions - index) * sizeof(region));
    space->region[index] = region;
    space->regions++;
}

static void erase(struct space *space, unsigned index) {
    space->regions--;
    memmove(&space->region[index], &space->region[index + 1],
            (space->regions - index) * sizeof(space->region[0]));
}

static bool are_one(const struct space_region *a, const struct space_region *b) {
    const bool same_data =
        a->data_size == b->data_size &&
        (a->data_size == 0 || (a->data == b->data && a->data_start == b->data_start));
    return a->end == b->start && a->rights == b->rights && a->kind == b->kind &&
           a->shared == b->shared && same_data;
}

// Makes those one that can be, from the one before `index` on, as far as `end`.
static void join(struct space *space, unsigned index, uint64_t end) {
    index = index > 0 ? index - 1 : 0;
    while (index + 1 < space->regions && space->region[index].end <= end) {
        if (are_one(&space->region[index], &space->region[index + 1])) {
            space->region[index].end = space->region[index + 1].end;
            erase(space, index + 1);
        } else {
            index++;
        }
    }
}

// Shared memory is made at once: a page that is made after a fork() would be one's own.
static bool make_all(struct space *space, const struct space_region *region) {
    if ((region->end - region->start) / PAGE_SIZE > page_count_free())
        return false;
    for (uint64_t va = region->start; va < region->end; va += PAGE_SIZE) {
        if (!mapping_make(space, region, va, 0)) {
            mapping_drop(space, region->start, va);
            return false;
        }
    }
    return true;
}

int region_add(struct space *space, const struct space_region *region) {
    struct space_region added = *region;
    added.rights = (uint8_t)whole_rights(added.rights);
    if (!is_range(added.start, added.end))
        return -EINVAL;
    if (!is_allowed(added.rights, added.shared))
        return -EACCES;
    const unsigned index = find(space, added.start);
    struct space_region *next = index < space->regions ? &space->region[index] : NULL;
    if (next != NULL && next->start < added.end)
        return -EEXIST;
    const bool joins = (index > 0 && are_one(&space->region[index - 1], &added)) ||
                       (next != NULL && are_one(&added, next));
    if ((space->regions == SPACE_REGIONS && !joins) || (added.shared && !make_all(space, &added)))
        return -ENOMEM;
    if (index > 0 && are_one(&space->region[index - 1], &added))
        space->region[index - 1].end = added.end;
    else if (joins)
        next->start = added.start;
    else
        insert(space, index, added);
    join(space, index, added.end);
    return 0;
}

uint64_t region_place(const struct space *space, uint64_t size) {
    if (size == 0 || size % PAGE_SIZE != 0)
        return 0;
    const uint64_t floor =
        mmu_page_up(space->heap_end > SPACE_START ? space->heap_end : SPACE_START);
    uint64_t end = SPACE_MAP_END;
    for (unsigned index = space->regions;; index--) {
        const struct space_region *below = index > 0 ? &space->region[index - 1] : NULL;
        const uint64_t start = below != NULL && below->end > floor ? below->end : floor;
        if (start < end && end - start >= size)
            return end - size;
        if (below == NULL)
            return 0;
        if (below->start < end)
            end = below->start;
    }
}

// What is inside the range of the region at `index`, which reaches into it. Returns the index to go
// on with.
static unsigned cut_out(struct space *space, unsigned index, uint64_t start, uint64_t end) {
    struct space_region *region = &space->region[index];
    const bool before = region->start<start, behind = region->end> end;
    if (before && behind) {
        struct space_region rest = *region;
        rest.start = end;
        region->end = start;
        insert(space, index + 1, rest);
        return index + 2;
    }
    if (before)
        region->end = start;
    else if (behind)
        region->start = end;
    else
        erase(space, index);
    return before || behind ? index + 1 : index;
}

int region_remove(struct space *space, uint64_t start, uint64_t end) {
    if (!is_range(start, end))
        return -EINVAL;
    unsigned index = find(space, start);
    if (space->regions == SPACE_REGIONS && index < space->regions &&
        space->region[index].start < start && space->region[index].end > end)
        return -ENOMEM;
    while (index < space->regions && space->region[index].start < end) {
        if (space->region[index].kind == SPACE_GUARD)
            index++;
        else
            index = cut_out(space, index, start, end);
    }
    mapping_drop(space, start, end);
    return 0;
}

// Whether there are regions without a hole in the range that may have these rights; else why not.
static int check_protect(const struct space *space, uint64_t start, uint64_t end, unsigned rights) {
    unsigned cuts = 0;
    uint64_t at = start;
    for (unsigned i = find(space, start); at < end; i++) {
        const struct space_region *region = &space->region[i];
        if (i == space->regions || region->start > at || region->kind == SPACE_GUARD)
            return -ENOMEM;
        if (!is_allowed(rights, region->shared))
            return -EACCES;
        cuts += (region->start < start) + (region->end > end);
        at = region->end;
    }
    return space->regions + cuts <= SPACE_REGIONS ? 0 : -ENOMEM;
}

// Makes `at` the border between two regions, where it is inside of one.
static void cut(struct space *space, uint64_t at) {
    const unsigned index = find(space, at);
    if (index == space->regions || space->region[index].start >= at)
        return;
    struct space_region rest = space->region[index];
    rest.start = at;
    space->region[index].end = at;
    insert(space, index + 1, rest);
}

int region_protect(struct space *space, uint64_t start, uint64_t end, unsigned rights) {
    rights = whole_rights(rights);
    if (!is_range(start, end))
        return -EINVAL;
    const int wrong = check_protect(space, start, end, rights);
    if (wrong != 0)
        return wrong;
    cut(space, start);
    cut(space, end);
    const unsigned first = find(space, start);
    for (unsigned i = first; i < space->regions && space->region[i].start < end; i++)
        space->region[i].rights = (uint8_t)rights;
    join(space, first, end);
    mapping_restrict(space, start, end, rights);
    return 0;
}

uint64_t region_move_heap(struct space *space, uint64_t end) {
    if (end < space->heap_start || end > SPACE_MAP_END)
        return space->heap_end;
    const struct space_region more = {
        .start = mmu_page_up(space->heap_end),
        .end = mmu_page_up(end),
        .rights = MMU_READ | MMU_WRITE,
        .kind = SPACE_HEAP,
    };
    int wrong = 0;
    if (more.end > more.start)
        wrong = region_add(space, &more);
    else if (more.end < more.start)
        wrong = region_remove(space, more.end, more.start);
    if (wrong == 0)
        space->heap_end = end;
    return space->heap_end;
}
