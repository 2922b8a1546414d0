#include "guest/gkernel/page.h"

#include <stddef.h>

#include "guest/gkernel/panic.h"
#include "guest/lib/string.h"

#define RANGES_MAX 8
#define RESERVED_MAX 32
#define CLEAN_TARGET 64

struct range {
    uint64_t from, to;
};

// Never given out yet.
static struct range fresh[RANGES_MAX];
static unsigned fresh_count;
static struct range reserved[RESERVED_MAX];
static unsigned reserved_count;

// Free pages are linked through their first word.
struct free_page {
    struct free_page *next;
};
struct free_list {
    struct free_page *first;
    uint64_t count;
};
static struct free_list clean; // zero but for the link
static struct free_list dirty;

// For each page of RAM, how many have it; 0: nobody.
static struct range counted;
static uint16_t *references;

static void push(struct free_list *list, void *page) {
    struct free_page *free = page;
    free->next = list->first;
    list->first = free;
    list->count++;
}

static void *pop(struct free_list *list) {
    struct free_page *page = list->first;
    if (page == NULL)
        return NULL;
    list->first = page->next;
    list->count--;
    page->next = NULL;
    return page;
}

void page_reserve(struct phys from, struct phys to) {
    if (from.raw >= to.raw)
        return;
    if (reserved_count == RESERVED_MAX)
        panic("more than %u reserved ranges", RESERVED_MAX);
    reserved[reserved_count++] = (struct range){mmu_page_down(from.raw), mmu_page_up(to.raw)};
}

void page_add(struct phys from, struct phys to) {
    struct range range = {mmu_page_up(from.raw), mmu_page_down(to.raw)};
    if (range.from >= range.to)
        return;
    if (fresh_count == RANGES_MAX)
        panic("more than %u ranges of memory", RANGES_MAX);
    fresh[fresh_count++] = range;
}

// Past every reserved range that `at` is in.
static uint64_t skip_reserved(uint64_t at) {
    for (unsigned i = 0; i < reserved_count; i++) {
        if (at >= reserved[i].from && at < reserved[i].to) {
            at = reserved[i].to;
            i = (unsigned)-1; // begin again: ranges may overlap
        }
    }
    return at;
}

// The first reserved page at or after `at`, but not after `end`.
static uint64_t next_reserved(uint64_t at, uint64_t end) {
    for (unsigned i = 0; i < reserved_count; i++) {
        if (reserved[i].from >= at && reserved[i].from < end)
            end = reserved[i].from;
    }
    return end;
}

static void *take_fresh(void) {
    for (unsigned i = 0; i < fresh_count; i++) {
        uint64_t at = skip_reserved(fresh[i].from);
        if (at < fresh[i].to) {
            fresh[i].from = at + PAGE_SIZE;
            return mmu_pointer((struct phys){at});
        }
        fresh[i].from = fresh[i].to;
    }
    return NULL;
}

static void *take_dirty(void) {
    void *page = pop(&dirty);
    return page != NULL ? page : take_fresh();
}

void page_init(struct phys from, struct phys to) {
    counted = (struct range){mmu_page_up(from.raw), mmu_page_down(to.raw)};
    if (counted.from >= counted.to)
        panic("there is no memory");
    const uint64_t size =
        mmu_page_up((counted.to - counted.from) / PAGE_SIZE * sizeof(*references));
    uint64_t at = skip_reserved(counted.from);
    while (at < counted.to && next_reserved(at, counted.to) - at < size)
        at = skip_reserved(next_reserved(at, counted.to));
    if (at >= counted.to)
        panic("there is no room to count the pages of 0x%lx bytes", counted.to - counted.from);
    page_reserve((struct phys){at}, (struct phys){at + size});
    references = mmu_pointer((struct phys){at});
    memset(references, 0, size);
    fresh_count = 0;
}

static bool is_counted(struct phys page) {
    return references != NULL && page.raw >= counted.from && page.raw < counted.to;
}

// The count of a page that somebody has.
static uint16_t *count_of(struct phys page) {
    uint16_t *count = is_counted(page) ? &references[(page.raw - counted.from) / PAGE_SIZE] : NULL;
    if (count == NULL || *count == 0)
        panic("page 0x%lx belongs to nobody", page.raw);
    return count;
}

static bool give_out(void *at, struct phys *page) {
    if (at == NULL)
        return false;
    *page = mmu_physical(at);
    if (is_counted(*page))
        references[(page->raw - counted.from) / PAGE_SIZE] = 1;
    return true;
}

bool page_alloc(struct phys *page) {
    void *at = pop(&clean);
    if (at == NULL) {
        at = take_dirty();
        if (at != NULL)
            memset(at, 0, PAGE_SIZE);
    }
    return give_out(at, page);
}

bool page_alloc_dirty(struct phys *page) {
    void *at = take_dirty();
    return give_out(at != NULL ? at : pop(&clean), page);
}

void page_share(struct phys page) {
    uint16_t *count = count_of(page);
    if (*count == UINT16_MAX)
        panic("page 0x%lx has too many references", page.raw);
    ++*count;
}

void page_free(struct phys page) {
    uint16_t *count = count_of(page);
    if (--*count == 0)
        push(&dirty, mmu_pointer(page));
}

unsigned page_references(struct phys page) { return *count_of(page); }

uint64_t page_count_free(void) {
    uint64_t count = clean.count + dirty.count;
    for (unsigned i = 0; i < fresh_count; i++) {
        uint64_t at = skip_reserved(fresh[i].from);
        while (at < fresh[i].to) {
            const uint64_t end = next_reserved(at, fresh[i].to);
            count += (end - at) / PAGE_SIZE;
            at = skip_reserved(end);
        }
    }
    return count;
}

bool page_clean_one(void) {
    if (clean.count >= CLEAN_TARGET)
        return false;
    void *page = take_dirty();
    if (page == NULL)
        return false;
    memset(page, 0, PAGE_SIZE);
    push(&clean, page);
    return true;
}
