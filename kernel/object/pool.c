#include "kernel/object/pool.h"

#include <string.h>

struct pool pool;

enum status pool_take(uint32_t first, uint32_t pages, uint32_t clear, enum object_type type) {
    if (pages == 0 || pages > UINT16_MAX || !range_within(first, pages, pool.count)) {
        return STATUS_RANGE;
    }
    for (uint32_t i = first; i < first + pages; i++) {
        if (pool.page[i].type != OBJECT_NONE) {
            return STATUS_EXISTS;
        }
    }
    for (uint32_t i = first; i < first + pages; i++) {
        pool.page[i].type = (uint8_t)type;
    }
    pool.page[first].pages = (uint16_t)pages;
    memset(pool_object(first), 0, (clear < pages ? clear : pages) * PAGE_SIZE);
    return STATUS_OK;
}

void pool_free(uint32_t first) {
    uint32_t pages = pool.page[first].pages;
    for (uint32_t i = first; i < first + pages; i++) {
        pool.page[i].type = OBJECT_NONE;
        pool.page[i].pages = 0;
    }
    pool.page[first].generation++;
}

uint32_t pool_index(const void *object) {
    return (uint32_t)(((const char *)object - pool.base) / PAGE_SIZE);
}
