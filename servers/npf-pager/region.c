#include "servers/npf-pager/region.h"

#include <stddef.h>

#include "ipc/cap.h"
#include "ipc/message.h"

// No guest-physical address is as wide: Sv57x4 has 59 bits.
#define ADDRESS_END (1ull << 59)

static bool range_is_valid(uint64_t base, uint64_t size) {
    return size > 0 && base < ADDRESS_END && size <= ADDRESS_END - base;
}

static void set_actions(struct region *region, enum region_kind kind, unsigned rights) {
    const unsigned needed[] = {
        [ACCESS_READ] = RIGHT_R, [ACCESS_WRITE] = RIGHT_W, [ACCESS_EXECUTE] = RIGHT_X};
    // The hardware walks the guest's page tables in RAM only, and it writes to them (A and D bits).
    bool walks = kind == REGION_RAM && (rights & RIGHT_R) && (rights & RIGHT_W);
    for (unsigned access = ACCESS_READ; access <= ACCESS_EXECUTE; access++) {
        region->action[access] = rights & needed[access] ? REGION_MAP : REGION_REFUSE;
        region->action[ACCESS_WALK | access] = walks ? REGION_MAP : REGION_REFUSE;
    }
}

static void set_big_part(struct region *region, uint64_t physical) {
    uint64_t begin = (region->base + REGION_BIG - 1) & -REGION_BIG;
    uint64_t end = (region->base + region->size) & -REGION_BIG;
    // Only where guest-physical and host-physical are the same distance from a page's beginning.
    if (((region->base ^ physical) & (REGION_BIG - 1)) == 0 && begin < end) {
        region->big_base = begin;
        region->big_size = end - begin;
    }
}

enum status region_add_memory(struct region_table *table, enum region_kind kind, uint64_t base,
                              uint64_t size, uint64_t physical, unsigned slot, unsigned rights,
                              bool big) {
    rights &= RIGHT_R | RIGHT_W | RIGHT_X | RIGHT_DEVICE;
    if (!range_is_valid(base, size) || ((base | size | physical) & (REGION_SMALL - 1)) != 0 ||
        (rights & ~(unsigned)RIGHT_DEVICE) == 0 || slot == 0 || slot > 0xffff) {
        return STATUS_INVALID;
    }
    if (table->count == REGION_MAX) {
        return STATUS_NO_MEMORY;
    }
    struct region *region = &table->region[table->count++];
    *region = (struct region){
        .base = base,
        .size = size,
        .big_mapping = REPLY_MAPPING(slot, REGION_BIG_BITS, rights),
        .small_mapping = REPLY_MAPPING(slot, REGION_SMALL_BITS, rights),
    };
    set_actions(region, kind, rights);
    if (big) {
        set_big_part(region, physical);
    }
    return STATUS_OK;
}

enum status region_add_device(struct region_table *table, uint64_t base, uint64_t size,
                              const struct device_model *model, uint32_t state_offset,
                              uint32_t line) {
    if (!range_is_valid(base, size) || (base | size) % 8 != 0) {
        return STATUS_INVALID;
    }
    if (table->count == REGION_MAX) {
        return STATUS_NO_MEMORY;
    }
    table->region[table->count++] = (struct region){
        .base = base,
        .size = size,
        .action = {[ACCESS_READ] = REGION_LOAD, [ACCESS_WRITE] = REGION_STORE},
        .model = model,
        .state_offset = state_offset,
        .line = line,
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
