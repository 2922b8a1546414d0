#include "servers/npf-pager/region.h"

#include <stddef.h>

#include "ipc/cap.h"
#include "ipc/exit.h"
#include "ipc/message.h"

#define SMALL_BITS 12
#define BIG_BITS 21
#define SMALL_PAGE (1ull << SMALL_BITS)
#define BIG_PAGE (1ull << BIG_BITS)

// No guest-physical address is as wide: Sv57x4 has 59 bits.
#define ADDRESS_END (1ull << 59)

static bool range_is_valid(uint64_t base, uint64_t size) {
    return size > 0 && base < ADDRESS_END && size <= ADDRESS_END - base;
}

static uint8_t allowed_accesses(enum region_kind kind, unsigned rights) {
    unsigned allowed = 0;
    allowed |= rights & RIGHT_R ? 1u << ACCESS_READ : 0;
    allowed |= rights & RIGHT_W ? 1u << ACCESS_WRITE : 0;
    allowed |= rights & RIGHT_X ? 1u << ACCESS_EXECUTE : 0;
    // The hardware walks the guest's page tables, in RAM only, and writes to them (A and D bits).
    if (kind == REGION_RAM && (rights & RIGHT_R) && (rights & RIGHT_W)) {
        for (unsigned access = 0; access <= ACCESS_EXECUTE; access++) {
            allowed |= 1u << (ACCESS_WALK | access);
        }
    }
    return (uint8_t)allowed;
}

static void set_big_part(struct region *region, uint64_t physical) {
    uint64_t begin = (region->base + BIG_PAGE - 1) & -BIG_PAGE;
    uint64_t end = (region->base + region->size) & -BIG_PAGE;
    // Only where guest-physical and host-physical are the same distance from a page's beginning.
    if (((region->base ^ physical) & (BIG_PAGE - 1)) == 0 && begin < end) {
        region->big_base = begin;
        region->big_size = end - begin;
    }
}

enum status region_add_memory(struct region_table *table, enum region_kind kind, uint64_t base,
                              uint64_t size, uint64_t physical, unsigned slot, unsigned rights,
                              bool big) {
    rights &= RIGHT_R | RIGHT_W | RIGHT_X;
    if (!range_is_valid(base, size) || ((base | size | physical) & (SMALL_PAGE - 1)) != 0 ||
        rights == 0 || slot == 0 || slot > 0xffff) {
        return STATUS_INVALID;
    }
    if (table->count == REGION_MAX) {
        return STATUS_NO_MEMORY;
    }
    struct region *region = &table->region[table->count++];
    *region = (struct region){
        .base = base,
        .size = size,
        .big_mapping = REPLY_MAPPING(slot, BIG_BITS, rights),
        .small_mapping = REPLY_MAPPING(slot, SMALL_BITS, rights),
        .kind = (uint8_t)kind,
        .allowed = allowed_accesses(kind, rights),
    };
    if (big) {
        set_big_part(region, physical);
    }
    return STATUS_OK;
}

enum status region_add_device(struct region_table *table, uint64_t base, uint64_t size,
                              const struct device_model *model, uint32_t state_offset) {
    if (!range_is_valid(base, size) || (base | size) % 8 != 0) {
        return STATUS_INVALID;
    }
    if (table->count == REGION_MAX) {
        return STATUS_NO_MEMORY;
    }
    table->region[table->count++] = (struct region){
        .base = base,
        .size = size,
        .kind = REGION_DEVICE,
        .model = model,
        .state_offset = state_offset,
    };
    return STATUS_OK;
}

enum status region_finish(struct region_table *table, uint64_t *base) {
    // By insertion: there are few, and it happens once.
    for (uint32_t i = 1; i < table->count; i++) {
        struct region region = table->region[i];
        uint32_t at = i;
        for (; at > 0 && table->region[at - 1].base > region.base; at--) {
            table->region[at] = table->region[at - 1];
        }
        table->region[at] = region;
    }
    for (uint32_t i = 1; i < table->count; i++) {
        const struct region *before = &table->region[i - 1];
        if (region_holds(before, table->region[i].base)) {
            *base = table->region[i].base;
            return STATUS_EXISTS;
        }
    }
    return STATUS_OK;
}

// How many regions begin at or below ADDRESS.
static uint32_t count_up_to(const struct region_table *table, uint64_t address) {
    uint32_t low = 0;
    uint32_t high = table->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (table->region[middle].base <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct region *region_find(const struct region_table *table, uint64_t address) {
    uint32_t count = count_up_to(table, address);
    if (count == 0 || !region_holds(&table->region[count - 1], address)) {
        return NULL;
    }
    return &table->region[count - 1];
}

const struct region *region_nearest(const struct region_table *table, uint64_t address) {
    uint32_t count = count_up_to(table, address);
    const struct region *below = count > 0 ? &table->region[count - 1] : NULL;
    const struct region *above = count < table->count ? &table->region[count] : NULL;
    if (!below || !above) {
        return below ? below : above;
    }
    if (region_holds(below, address)) {
        return below;
    }
    uint64_t from_below = address - (below->base + below->size - 1);
    return from_below <= above->base - address ? below : above;
}
