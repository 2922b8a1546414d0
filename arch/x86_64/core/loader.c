// By the PVH entry (Xen's docs/misc/pvh.pandoc) QEMU starts the core, and has the bundle where it
// belongs. By Multiboot2 (version 2.0) GRUB does, and its module lies wherever there was room.
#include "arch/x86_64/core/loader.h"

#include "arch/panic.h"
#include "arch/space.h"
#include "arch/x86_64/core/boot.h"
#include "ipc/bundle.h"

// From the linker script: all from the image to the bundle is the core's for every loader.
extern char image_begin[], boot_information[], boot_tables[], boot_bundle[];

#define MULTIBOOT2_MAGIC 0x36d76289u       // in EAX
#define PVH_MAGIC 0x336ec578u              // the start information's first word
enum { PVH_MAP = 5, PVH_MAP_ENTRIES = 6 }; // its words of 64 bits

// Both memory maps have entries of address, size and type.
#define MAP_ENTRY 24u
#define MAP_RAM 1u

struct tag {
    uint32_t type, size, word[];
};
enum { TAG_MODULE = 3, TAG_MAP = 6, TAG_NEEDED = 16 };

// The end of the RAM that the image lies in. SIZE bytes of entries, one each STRIDE.
static uint64_t loader_ram(const void *map, uint64_t size, uint32_t stride) {
    uint64_t end = boot_physical(image_begin);
    for (uint64_t at = 0; stride >= MAP_ENTRY && size - at >= stride; at += stride) {
        const uint64_t *entry = (const uint64_t *)((const char *)map + at);
        if ((uint32_t)entry[2] == MAP_RAM && entry[0] <= end && entry[1] > end - entry[0]) {
            end = entry[0] + entry[1];
        }
    }
    return end;
}

// Is there memory for the bundle, and for the core's objects behind it?
static void loader_check(const struct bundle_header *bundle, uint64_t size, uint64_t ram_end) {
    uint64_t begin = boot_physical(boot_bundle);
    panic_unless(ram_end > begin && range_within(bundle->object_memory, size, ram_end - begin),
                 "the machine has too little memory for the core in one piece from 2 MiB on, or no "
                 "boot bundle; its end is",
                 ram_end);
}

// The first tag of a TYPE among those that were told, SIZE bytes, or NULL.
static const struct tag *loader_tag(uint32_t size, uint32_t type) {
    uint32_t length;
    for (uint32_t at = 8; size - at >= sizeof(struct tag); at += length) {
        const struct tag *tag = (const struct tag *)(boot_information + at);
        length = (tag->size + 7) & ~7u;
        if (length < sizeof(*tag) || length > size - at) {
            break;
        }
        if (tag->type == type && tag->size >= TAG_NEEDED) {
            return tag;
        }
    }
    return NULL;
}

// Right also where both overlap and TO is below FROM.
static void loader_move(void *to, const void *from, uint64_t size) {
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
}

// What is told may lie where the bundle belongs: so it is moved away first, and then becomes the
// bundle's last pages.
static uint64_t loader_multiboot2(const uint32_t *told, struct bundle_header *bundle) {
    uint32_t size = *told, room = (uint32_t)(boot_tables - boot_information);
    panic_unless(size >= 8 && size <= room, "what Multiboot2 tells does not fit; bytes", size);
    loader_move(boot_information, told, size);
    const struct tag *module = loader_tag(size, TAG_MODULE), *map = loader_tag(size, TAG_MAP);
    panic_unless(module && map,
                 "no boot bundle as a module (in GRUB: module2), or no memory map; "
                 "what was told has bytes",
                 size);
    uint64_t begin = module->word[0], bytes = module->word[1] - begin;
    const struct bundle_header *from = arch_phys_to_virt(HPA(begin));
    panic_unless(bytes >= PAGE_SIZE && from->size == bytes && !(bytes & PAGE_MASK) &&
                     (begin >= boot_physical(boot_bundle) ||
                      range_within(begin, bytes, boot_physical(image_begin))),
                 "the first module is no whole boot bundle, or is in the core's place; bytes",
                 bytes);
    loader_check(from, bytes + room,
                 loader_ram(&map->word[2], map->size - TAG_NEEDED, map->word[0]));
    loader_move(bundle, from, bytes);
    loader_move((char *)bundle + bytes, boot_information, size);
    bundle->size += (size + PAGE_MASK) & ~PAGE_MASK;
    return boot_physical(boot_bundle) + bytes;
}

uint64_t loader_take(uint32_t magic, uint64_t start) {
    struct bundle_header *bundle = arch_phys_to_virt(HPA(boot_physical(boot_bundle)));
    const uint64_t *told = arch_phys_to_virt(HPA(start));
    if (magic == MULTIBOOT2_MAGIC) {
        return loader_multiboot2((const uint32_t *)told, bundle);
    }
    panic_unless((uint32_t)told[0] == PVH_MAGIC,
                 "the core starts by PVH (QEMU: -kernel) or Multiboot2 (GRUB); EAX is", magic);
    uint64_t map_size = (uint32_t)told[PVH_MAP_ENTRIES] * (uint64_t)MAP_ENTRY;
    loader_check(bundle, bundle->size,
                 loader_ram(arch_phys_to_virt(HPA(told[PVH_MAP])), map_size, MAP_ENTRY));
    return start;
}
