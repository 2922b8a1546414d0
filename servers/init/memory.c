// Physical memory, taken once and kept: what a server or a VM has is its own for as long as the
// machine runs, so a restart takes nothing new.
#include <string.h>

#include "arch/device.h"
#include "servers/init/init.h"

void *memory_see(uint64_t physical) { return (void *)(uintptr_t)(physical + INIT_DIRECT); }

void *memory_see_device(uint64_t physical) {
    uint64_t place = arch_device_place(physical);
    return place ? (void *)(uintptr_t)place : memory_see(physical);
}

// Removes [address, address + size) from the free ranges.
static void memory_exclude(uint64_t address, uint64_t size) {
    for (unsigned i = 0; i < init.free_count; i++) {
        struct manifest_range *range = &init.free[i];
        uint64_t end = range->address + range->size;
        uint64_t cut_end = address + size;
        if (cut_end <= range->address || address >= end) {
            continue;
        }
        if (address <= range->address) {
            uint64_t begin = cut_end < end ? cut_end : end;
            range->size = end - begin;
            range->address = begin;
        } else {
            range->size = address - range->address;
            if (cut_end < end && init.free_count < sizeof(init.free) / sizeof(init.free[0])) {
                init.free[init.free_count++] = (struct manifest_range){cut_end, end - cut_end};
            }
        }
    }
}

void memory_start(uint64_t begin) {
    for (unsigned i = 0; i < init.machine.ram_count; i++) {
        init.free[init.free_count++] = init.machine.ram[i];
    }
    memory_exclude(0, begin); // the firmware, the core, the bundle, object memory
    uint64_t tree = init.machine.tree.address & ~0xfffull;
    memory_exclude(tree,
                   (init.machine.tree.address + init.machine.tree.size - tree + 0xfff) & ~0xfffull);
}

uint64_t memory_room(void) {
    uint64_t room = 0;
    for (unsigned i = 0; i < init.free_count; i++) {
        room += init.free[i].size;
    }
    return room;
}

struct memory_mark memory_mark(void) {
    struct memory_mark mark = {.count = init.free_count};
    memcpy(mark.free, init.free, sizeof(mark.free));
    return mark;
}

void memory_undo(const struct memory_mark *mark) {
    memcpy(init.free, mark->free, sizeof(init.free));
    init.free_count = mark->count;
}

struct memory memory_try(uint64_t size, uint64_t align) {
    size = (size + 0xfff) & ~0xfffull;
    for (unsigned i = 0; i < init.free_count; i++) {
        struct manifest_range *range = &init.free[i];
        uint64_t begin = (range->address + align - 1) & ~(align - 1);
        uint64_t lost = begin - range->address;
        if (lost > range->size || size > range->size - lost) {
            continue;
        }
        // What lies before it, because of the alignment, stays free where it is worth a slot.
        if (lost >= 0x10000 && init.free_count < sizeof(init.free) / sizeof(init.free[0])) {
            init.free[init.free_count++] = (struct manifest_range){range->address, lost};
        }
        range->size -= lost + size;
        range->address = begin + size;
        return (struct memory){begin, size};
    }
    return (struct memory){0};
}

struct memory memory_take(uint64_t size, uint64_t align, const char *what) {
    struct memory memory = memory_try(size, align);
    if (!memory.size && size) {
        init_refuse("init: the machine has no %lu KiB of memory in one piece for %s: give it more",
                    (unsigned long)((size + 0x3ff) >> 10), what);
        init_end(1);
    }
    return memory;
}

struct objects objects_take(uint32_t pages, uint32_t align, const char *what) {
    uint32_t first = (init.object_next + align - 1) / align * align;
    if (first > init.object_count || pages > init.object_count - first) {
        init_refuse("init: /: property `object-memory`: its %u pages are used up at %s: write more "
                    "there",
                    init.object_count, what);
        init_end(1);
    }
    init.object_next = first + pages;
    return (struct objects){first, pages};
}

void memory_clear(struct memory memory) { memset(memory_see(memory.physical), 0, memory.size); }
