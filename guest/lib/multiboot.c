#include "guest/lib/multiboot.h"

#include "guest/lib/string.h"

#define HAS_COMMAND_LINE (1u << 2)
#define HAS_MODULES (1u << 3)
#define HAS_MEMORY_MAP (1u << 6)

struct information {
    uint32_t flags;
    uint32_t memory_lower, memory_upper, boot_device;
    uint32_t command_line;
    uint32_t modules, modules_at;
    uint32_t symbols[4];
    uint32_t map_size, map_at;
};
_Static_assert(sizeof(struct information) == 52, "as far as it is read");

struct module {
    uint32_t start, end, text, reserved;
};

// `size` is that of the rest.
struct map_entry {
    uint32_t size;
    uint64_t base, length;
    uint32_t type;
} __attribute__((packed));
#define MAP_ENTRY_SIZE_FIRST sizeof(uint32_t)
#define MAP_AVAILABLE 1

// Larger ones are damaged.
#define MAP_SIZE_MAX 65536u
#define COMMAND_LINE_MAX 4096u

static bool reserve(struct machine *machine, uint64_t from, uint64_t to) {
    if (from >= to)
        return true;
    if (machine->reserved_count == MACHINE_RESERVED_MAX)
        return false;
    machine->reserved[machine->reserved_count++] = (struct machine_range){from, to - from};
    return true;
}

static bool has(const struct map_entry *entry, uint64_t address) {
    return entry->type == MAP_AVAILABLE && address >= entry->base &&
           address - entry->base < entry->length && entry->length <= UINT64_MAX - entry->base;
}

static const char *read_map(struct machine *machine, const struct information *information,
                            uint64_t inside, machine_show *show) {
    const uint32_t size = information->map_size;
    if (!(information->flags & HAS_MEMORY_MAP) || size > MAP_SIZE_MAX)
        return "there is no memory map";
    const uint8_t *map = show((struct phys){information->map_at}, size);
    struct machine_range *memory = &machine->memory;
    struct map_entry entry;
    for (uint32_t at = 0; at <= size && size - at >= sizeof(entry);) {
        memcpy(&entry, map + at, sizeof(entry));
        if (entry.size < sizeof(entry) - MAP_ENTRY_SIZE_FIRST || entry.size > MAP_SIZE_MAX)
            return "the memory map is damaged";
        if (memory->size == 0 && has(&entry, inside))
            *memory = (struct machine_range){entry.base, entry.length};
        else if (memory->size != 0 && has(&entry, memory->base + memory->size) &&
                 entry.base == memory->base + memory->size)
            memory->size += entry.length; // it is often described in parts that touch each other
        at += MAP_ENTRY_SIZE_FIRST + entry.size;
    }
    return memory->size == 0 ? "the kernel is in no memory of the memory map" : NULL;
}

// Its end is looked for page by page, so that no page is shown in which it can't be.
static const char *read_command_line(struct machine *machine, uint64_t at, machine_show *show) {
    uint64_t size = PAGE_SIZE - at % PAGE_SIZE;
    for (uint64_t length = 0; length < COMMAND_LINE_MAX; size += PAGE_SIZE) {
        const char *text = show((struct phys){at}, size);
        while (length < size && text[length] != '\0')
            length++;
        if (length == size)
            continue;
        while (*text != ' ' && *text != '\0')
            text++;
        machine->bootargs = *text == ' ' ? text + 1 : text;
        return reserve(machine, at, at + length + 1) ? NULL : "too much memory is reserved";
    }
    return "the command line has no end";
}

static const char *read_modules(struct machine *machine, const struct information *information,
                                machine_show *show) {
    if (information->modules > MACHINE_RESERVED_MAX)
        return "there are too many modules";
    const uint64_t size = information->modules * sizeof(struct module);
    const uint8_t *modules = show((struct phys){information->modules_at}, size);
    for (unsigned i = 0; i < information->modules; i++) {
        struct module module;
        memcpy(&module, modules + i * sizeof(module), sizeof(module));
        if (!reserve(machine, module.start, module.end))
            return "too much memory is reserved";
    }
    return NULL;
}

const char *multiboot_read(struct machine *machine, struct phys at, struct phys inside,
                           machine_show *show) {
    struct information information;
    memcpy(&information, show(at, sizeof(information)), sizeof(information));
    *machine = (struct machine){.bootargs = "", .cpus = 1};
    const char *wrong = read_map(machine, &information, inside.raw, show);
    if (wrong == NULL && (information.flags & HAS_COMMAND_LINE) && information.command_line != 0)
        wrong = read_command_line(machine, information.command_line, show);
    if (wrong == NULL && (information.flags & HAS_MODULES) && information.modules != 0)
        wrong = read_modules(machine, &information, show);
    return wrong;
}
