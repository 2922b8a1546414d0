// By the PVH entry (Xen's docs/misc/pvh.pandoc) QEMU starts the core, and has the bundle where it
// belongs. By Multiboot2 (version 2.0) GRUB does, and its module lies wherever there was room.
#include "arch/x86_64/core/loader.h"

#include "arch/panic.h"
#include "arch/space.h"
#include "arch/x86_64/core/boot.h"
#include "ipc/bundle.h"

// From the linker script: all from the image to the bundle is the core's for every loader.
extern char image_begin[], boot_information[], boot_bundle[];

#define MULTIBOOT2_MAGIC 0x36d76289u // in EAX
#define PVH_MAGIC 0x336ec578u        // where EBX points
#define TAG_MODULE 3u
#define TAG_MAP 6u
#define MAP_ENTRY 24u // bytes: the address, the size, what it is
#define MAP_RAM 1u

struct tag {
    uint32_t type, size, begin, end; // of the memory map BEGIN is how many bytes an entry has
};

// The first tag of TYPE among those of what was told, TOLD bytes; NULL: it is not there, or cut
// off.
static const struct tag *loader_tag(uint32_t told, uint32_t type) {
    for (uint64_t at = 8; at + sizeof(struct tag) <= told;) {
        const struct tag *tag = (const struct tag *)(boot_information + at);
        bool whole = tag->size >= 8 && tag->size <= told - at;
        if (whole && tag->type == type) {
            return tag;
        }
        at = whole ? at + ((tag->size + 7ull) & ~7ull) : told;
    }
    return NULL;
}

// Whether SIZE bytes from BEGIN on are in one piece of RAM (3.6.8). What else the map says of these
// init reads: here nothing is to be written over that is no memory at all, or the firmware's.
static bool loader_is_ram(uint32_t told, uint64_t begin, uint64_t size) {
    const struct tag *map = loader_tag(told, TAG_MAP);
    uint64_t step = map && map->begin >= MAP_ENTRY ? map->begin : UINT32_MAX;
    bool found = false;
    for (uint64_t at = sizeof(*map); map && at + step <= map->size; at += step) {
        const uint64_t *entry = (const uint64_t *)((const char *)map + at);
        found |= (uint32_t)entry[2] == MAP_RAM && entry[0] <= begin &&
                 range_within(begin - entry[0], size, entry[1]);
    }
    return found;
}

// Right also where both overlap and TO is below FROM.
static void loader_move(void *to, const void *from, uint64_t size) {
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
}

// What is told may lie where the bundle belongs: so it is moved away first, and then becomes the
// bundle's last pages. Returns its address.
static uint64_t loader_multiboot2(const uint32_t *told, struct bundle_header *bundle) {
    uint32_t size = *told;
    panic_unless(size >= 8 + sizeof(struct tag) && size <= (char *)boot_tables - boot_information,
                 "what the boot loader tells does not fit; it has bytes", size);
    loader_move(boot_information, told, size);
    const struct tag *module = loader_tag(size, TAG_MODULE);
    panic_unless(module, "no boot bundle as a module (in GRUB: module2); bytes told", size);
    uint64_t begin = module->begin, bytes = module->end - begin;
    const struct bundle_header *from = arch_phys_to_virt(HPA(begin));
    panic_unless(bytes >= PAGE_SIZE && !(bytes & PAGE_MASK) &&
                     (begin >= boot_physical(boot_bundle) ||
                      range_within(begin, bytes, boot_physical(image_begin))) &&
                     from->size == bytes, // looked at last: in the core's place it can't be
                 "the first module is no whole boot bundle, or is in the core's place; bytes",
                 bytes);
    panic_unless(loader_is_ram(size, boot_physical(boot_bundle), bytes + size),
                 "by the boot loader's memory map there is no RAM for the bundle; bytes", bytes);
    loader_move(bundle, from, bytes);
    loader_move((char *)bundle + bytes, boot_information, size);
    bundle->size += (size + PAGE_MASK) & ~PAGE_MASK;
    return boot_physical(boot_bundle) + bytes;
}

uint64_t loader_take(uint32_t magic, uint64_t start) {
    struct bundle_header *bundle = arch_phys_to_virt(HPA(boot_physical(boot_bundle)));
    const uint32_t *told = arch_phys_to_virt(HPA(start));
    panic_unless(magic == MULTIBOOT2_MAGIC || *told == PVH_MAGIC,
                 "started neither by PVH (QEMU) nor by Multiboot2 (GRUB); EAX is", magic);
    if (magic == MULTIBOOT2_MAGIC) {
        start = loader_multiboot2(told, bundle);
    }
    // Whether that memory is free to be used init asks the machine's map.
    uint64_t end = bundle->size + bundle->object_memory;
    volatile uint64_t *last = (uint64_t *)((char *)bundle + (end & ~7ull)) - 1;
    if (bundle->magic == BUNDLE_MAGIC) {
        *last = BUNDLE_MAGIC;
        panic_unless(*last == BUNDLE_MAGIC,
                     "the machine has too little memory for object-memory; it should have", end);
    }
    return start;
}
