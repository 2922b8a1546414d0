#include "tests/unit/guest/gkernel_model.h"

#include <errno.h>
#include <stdlib.h>

// In the middle of the pages another table begins.
#define BASE (UINT64_C(0x400000) - MODEL_PAGES / 2 * PAGE_SIZE)

// One more than all spaces can have at once, so that one is always unused.
#define CELLS (MODEL_SPACES * MODEL_PAGES + 1)

struct model model[MODEL_SPACES];
static uint8_t cell[CELLS];

uint64_t model_start(unsigned page) { return BASE + page * PAGE_SIZE; }

uint64_t model_address(unsigned page) { return model_start(page) + page * 1009 % PAGE_SIZE; }

uint8_t *model_byte(struct model_page *page) {
    return page->shared ? &cell[page->cell] : &page->byte;
}

static bool is_used(unsigned wanted) {
    for (unsigned s = 0; s < MODEL_SPACES; s++) {
        for (unsigned p = 0; p < MODEL_PAGES; p++) {
            const struct model_page *page = &model[s].page[p];
            if (model[s].exists && page->there && page->shared && page->cell == wanted)
                return true;
        }
    }
    return false;
}

static unsigned unused_cell(void) {
    for (unsigned i = 0; i < CELLS; i++) {
        if (!is_used(i))
            return i;
    }
    abort();
}

static bool is_allowed(unsigned rights, bool shared) {
    return !(rights & MMU_EXECUTE) || (!(rights & MMU_WRITE) && !shared);
}

static unsigned page_of(uint64_t address) { return (unsigned)((address - BASE) / PAGE_SIZE); }

int model_expects_add(const struct model *space, const struct space_region *region) {
    if (!is_allowed(region->rights, region->shared))
        return -EACCES;
    for (unsigned p = page_of(region->start); p < page_of(region->end); p++) {
        if (space->page[p].there)
            return -EEXIST;
    }
    return 0;
}

void model_add(struct model *space, const struct space_region *region) {
    for (unsigned p = page_of(region->start); p < page_of(region->end); p++) {
        const uint64_t at = model_address(p);
        const unsigned unused = unused_cell();
        struct model_page *page = &space->page[p];
        *page = (struct model_page){
            .there = true,
            .shared = region->shared,
            .rights = region->rights,
            .kind = region->kind,
            .cell = unused,
        };
        if (page->rights & MMU_WRITE)
            page->rights |= MMU_READ;
        const bool in_data = region->data_size > 0 && at >= region->data_start &&
                             at - region->data_start < region->data_size;
        *model_byte(page) = in_data ? region->data[at - region->data_start] : 0;
    }
}

void model_remove(struct model *space, unsigned first, unsigned end) {
    for (unsigned p = first; p < end; p++) {
        if (space->page[p].kind != SPACE_GUARD)
            space->page[p] = (struct model_page){.there = false};
    }
}

int model_expects_protect(const struct model *space, unsigned first, unsigned end,
                          unsigned rights) {
    for (unsigned p = first; p < end; p++) {
        const struct model_page *page = &space->page[p];
        if (!page->there || page->kind == SPACE_GUARD)
            return -ENOMEM;
        if (!is_allowed(rights, page->shared))
            return -EACCES;
    }
    return 0;
}

void model_protect(struct model *space, unsigned first, unsigned end, unsigned rights) {
    for (unsigned p = first; p < end; p++)
        space->page[p].rights = (uint8_t)(rights & MMU_WRITE ? rights | MMU_READ : rights);
}

enum space_answer model_expects(const struct model_page *page, unsigned access) {
    if (!page->there)
        return SPACE_NOTHING_THERE;
    if (page->kind == SPACE_GUARD)
        return SPACE_STACK_OVERFLOW;
    return page->rights & access ? SPACE_DONE : SPACE_NO_RIGHT;
}
