#include "servers/init/pc.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PVH_MAGIC 0x336ec578u
#define PAGE 4096ull

// Multiboot2's tags.
enum { TAG_END = 0, TAG_MAP = 6, TAG_RSDP_OLD = 14, TAG_RSDP = 15 };

// What a memory map of PC_ENTRIES can cost is some millions of steps.
#define TOLD_MOST (1u << 20)
#define ENTRY_RAM 1u

struct pvh_start {
    uint32_t magic, version, flags, modules;
    uint64_t module_list, command_line, rsdp, memory_map;
    uint32_t memory_map_entries, reserved;
};

// Of both memory maps.
struct entry {
    uint64_t address, size;
    uint32_t type, reserved;
};

struct tag {
    uint32_t type, size;
};

// Behind the head of the tag with the memory map.
struct tag_map {
    uint32_t stride, version;
};

struct map {
    const uint8_t *entries;
    uint32_t count, stride;
};

static struct entry map_entry(const struct map *map, uint32_t index) {
    struct entry entry;
    memcpy(&entry, map->entries + (size_t)index * map->stride, sizeof(entry));
    return entry;
}

// The first address behind what the entry says; what goes beyond all addresses ends there.
static uint64_t entry_end(const struct entry *entry) {
    return entry->size > UINT64_MAX - entry->address ? UINT64_MAX : entry->address + entry->size;
}

// Keeps the pieces in order, none twice, and when there are too many, not the smallest.
static void ram_keep(struct pc *pc, uint64_t begin, uint64_t end) {
    unsigned at = pc->ram_count;
    for (unsigned i = 0; i < at; i++) {
        if (begin < pc->ram[i].address + pc->ram[i].size && pc->ram[i].address < end) {
            return;
        }
    }
    if (at == PC_RAM) {
        unsigned smallest = 0;
        for (unsigned i = 1; i < PC_RAM; i++) {
            smallest = pc->ram[i].size < pc->ram[smallest].size ? i : smallest;
        }
        if (pc->ram[smallest].size >= end - begin) {
            return;
        }
        at = PC_RAM - 1;
        memmove(&pc->ram[smallest], &pc->ram[smallest + 1], (at - smallest) * sizeof(pc->ram[0]));
    } else {
        pc->ram_count++;
    }
    while (at > 0 && pc->ram[at - 1].address > begin) {
        pc->ram[at] = pc->ram[at - 1];
        at--;
    }
    pc->ram[at] = (struct manifest_range){begin, end - begin};
}

// Where [begin, end) stops being RAM alone: entries of other types count for more.
static uint64_t ram_until(const struct map *map, uint64_t begin, uint64_t end, uint64_t *next) {
    *next = end;
    for (uint32_t i = 0; i < map->count; i++) {
        const struct entry other = map_entry(map, i);
        uint64_t other_end = entry_end(&other);
        if (other.type == ENTRY_RAM || other_end <= begin || other.address >= end) {
            continue;
        }
        end = other.address > begin ? other.address : begin;
        *next = other_end;
    }
    return end;
}

static void ram_read(struct pc *pc, const struct map *map, uint64_t low, uint64_t high) {
    for (uint32_t i = 0; i < map->count; i++) {
        const struct entry entry = map_entry(map, i);
        uint64_t limit = entry_end(&entry) < high ? entry_end(&entry) : high;
        if (entry.type != ENTRY_RAM) {
            continue;
        }
        // As often as there are other entries, at most: each step leaves one of them behind.
        for (uint64_t begin = entry.address; begin < limit;) {
            uint64_t next, end = ram_until(map, begin, limit, &next) & ~(PAGE - 1);
            uint64_t first = (begin + PAGE - 1) & ~(PAGE - 1);
            if (first < end && end > low) {
                ram_keep(pc, first, end);
            }
            begin = next;
        }
    }
}

static struct pc pvh_read(const struct pvh_start *start, uint64_t low, uint64_t high,
                          acpi_see *see) {
    struct pc pc = {.rsdp = start->rsdp};
    uint32_t count = start->version >= 1 ? start->memory_map_entries : 0;
    pc.is_long = count > PC_ENTRIES;
    if (count && !pc.is_long) {
        const struct map map = {see(start->memory_map, count * sizeof(struct entry)), count,
                                sizeof(struct entry)};
        if (map.entries) {
            ram_read(&pc, &map, low, high);
        }
    }
    return pc;
}

static void tag_read(struct pc *pc, const uint8_t *content, uint32_t size, uint64_t address,
                     const struct tag *tag, uint64_t low, uint64_t high) {
    struct tag_map head;
    if (tag->type == TAG_MAP && size >= sizeof(head)) {
        memcpy(&head, content, sizeof(head));
        const struct map map = {
            content + sizeof(head),
            head.stride < sizeof(struct entry) ? 0 : (size - (uint32_t)sizeof(head)) / head.stride,
            head.stride};
        pc->is_long = map.count > PC_ENTRIES;
        if (!pc->is_long) {
            ram_read(pc, &map, low, high);
        }
    } else if (tag->type == TAG_RSDP || (tag->type == TAG_RSDP_OLD && !pc->rsdp)) {
        pc->rsdp = address;
    }
}

static struct pc multiboot2_read(uint64_t address, uint64_t low, uint64_t high, acpi_see *see) {
    struct pc pc = {0};
    uint32_t size;
    const uint8_t *told = see(address, sizeof(struct tag));
    memcpy(&size, told, sizeof(size));
    told = size >= sizeof(struct tag) && size <= TOLD_MOST ? see(address, size) : NULL;
    for (uint32_t at = sizeof(struct tag); told && size - at >= sizeof(struct tag);) {
        struct tag tag;
        memcpy(&tag, told + at, sizeof(tag));
        if (tag.type == TAG_END || tag.size < sizeof(tag) || tag.size > size - at) {
            break;
        }
        uint32_t content = at + (uint32_t)sizeof(tag);
        tag_read(&pc, told + content, tag.size - (uint32_t)sizeof(tag), address + content, &tag,
                 low, high);
        uint32_t step = (tag.size + 7) & ~7u;
        if (step > size - at) {
            break;
        }
        at += step;
    }
    return pc;
}

struct pc pc_read(uint64_t address, uint64_t low, uint64_t high, acpi_see *see) {
    uint32_t magic;
    const uint8_t *told = see(address, sizeof(struct tag));
    if (!told) {
        return (struct pc){0};
    }
    memcpy(&magic, told, sizeof(magic));
    if (magic != PVH_MAGIC) {
        return multiboot2_read(address, low, high, see);
    }
    struct pvh_start start;
    told = see(address, sizeof(start));
    if (!told) {
        return (struct pc){0};
    }
    memcpy(&start, told, sizeof(start));
    return pvh_read(&start, low, high, see);
}

static bool in_ram(const struct pc *pc, struct manifest_range range) {
    for (unsigned i = 0; i < pc->ram_count; i++) {
        const struct manifest_range *ram = &pc->ram[i];
        if (ram->address <= range.address && range.size <= ram->size &&
            range.address - ram->address <= ram->size - range.size) {
            return true;
        }
    }
    return false;
}

static bool io_apic_at(const struct acpi *acpi, uint64_t address) {
    for (unsigned i = 0; i < acpi->io_apic_count; i++) {
        if (acpi->io_apic[i] == address) {
            return true;
        }
    }
    return !acpi->io_apic_count;
}

const char *pc_refuse(const struct pc *pc, const struct acpi *acpi, struct manifest_range core,
                      const struct manifest *manifest) {
    static char what[192];
    const uint64_t controller = manifest->interrupt_controller.host.address;
    if (pc->is_long) {
        snprintf(what, sizeof(what),
                 "the machine's memory map has more than %u entries, and was not read", PC_ENTRIES);
        return what;
    }
    if (!in_ram(pc, core)) {
        return "/: property `object-memory`: by the machine's memory map not all of it is RAM";
    }
    if (!manifest->interrupt_controller.present || io_apic_at(acpi, controller)) {
        return NULL;
    }
    snprintf(what, sizeof(what),
             "/host/interrupt-controller@%lx: property `reg`: by ACPI the machine's first I/O APIC "
             "is at 0x%lx",
             (unsigned long)controller, (unsigned long)acpi->io_apic[0]);
    return what;
}
