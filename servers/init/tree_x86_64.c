// What a VM boots with in place of a device tree: the information that Multiboot gives a kernel
// (0.6.96, 3.3), where it has EBX point to.
#include <stdio.h>
#include <string.h>

#include "servers/init/init.h"

#define HAS_MEMORY (1u << 0)
#define HAS_COMMAND_LINE (1u << 2)
#define HAS_MODULES (1u << 3)
#define HAS_MAP (1u << 6)
#define LOWER_END 640u // KiB: what a PC has below its first megabyte
#define ENTRY_RAM 1u

struct information {
    uint32_t flags, lower, upper, device, command_line, module_count, modules, symbols[4];
    uint32_t map_size, map;
};

struct module {
    uint32_t begin, end, text, reserved;
};

struct __attribute__((packed)) map_entry {
    uint32_t size; // of the rest
    uint64_t address, bytes;
    uint32_t type;
};

// All of it, behind each other.
struct boot {
    struct information information;
    struct module module;
    struct map_entry map[MANIFEST_MEMORY];
    char command_line[MANIFEST_CMDLINE + sizeof("kernel ")];
};

bool tree_make(const struct vm *vm, void *to, size_t size) {
    struct boot *boot = to;
    const struct manifest_vm *manifest = vm->manifest;
    uint32_t at = (uint32_t)vm->tree;
    if (size < sizeof(*boot) || vm->tree > UINT32_MAX - size) {
        rt_log("VM %s: its memory begins above what Multiboot can say", manifest->name);
        return false;
    }
    memset(boot, 0, sizeof(*boot));
    for (uint32_t i = 0; i < manifest->memory_count; i++) {
        const struct manifest_range *range = &manifest->memory[i].guest;
        boot->map[i] = (struct map_entry){sizeof(struct map_entry) - sizeof(uint32_t),
                                          range->address, range->size, ENTRY_RAM};
    }
    // Its first word names the image, as loaders have it.
    snprintf(boot->command_line, sizeof(boot->command_line), "kernel %s", manifest->cmdline);
    boot->module = (struct module){(uint32_t)vm->initrd.address,
                                   (uint32_t)(vm->initrd.address + vm->initrd.size), 0, 0};
    boot->information = (struct information){
        .flags = HAS_MEMORY | HAS_COMMAND_LINE | HAS_MAP | (vm->initrd.size ? HAS_MODULES : 0),
        .lower = LOWER_END,
        .upper = (uint32_t)((vm->span[0].guest + vm->span[0].size - (1u << 20)) >> 10),
        .command_line = at + offsetof(struct boot, command_line),
        .module_count = vm->initrd.size ? 1 : 0,
        .modules = at + offsetof(struct boot, module),
        .map_size = manifest->memory_count * sizeof(struct map_entry),
        .map = at + offsetof(struct boot, map),
    };
    return true;
}
