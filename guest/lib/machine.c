#include "guest/lib/machine.h"

#include "guest/lib/string.h"
#include "guest/lib/tree.h"

// Memory is often described in parts that touch each other.
static void add_memory(struct machine_range *memory, const struct tree_range *range) {
    if (memory->size == 0) {
        *memory = (struct machine_range){range->base, range->size};
    } else if (range->base == memory->base + memory->size) {
        memory->size += range->size;
    } else if (range->base + range->size == memory->base) {
        memory->base = range->base;
        memory->size += range->size;
    }
}

// What there is no room for is counted: machine_read() refuses it in the end.
static void add_reserved(struct machine *machine, const struct tree_range *range) {
    if (range->size == 0)
        return;
    if (machine->reserved_count < MACHINE_RESERVED_MAX)
        machine->reserved[machine->reserved_count] =
            (struct machine_range){range->base, range->size};
    machine->reserved_count++;
}

static void take_node(void *context, const struct tree_node *node, unsigned depth) {
    struct machine *machine = context;
    if (depth < 2 || node->disabled)
        return;
    const struct tree_node *parent = node - 1;
    struct tree_value reg = node->reg;
    struct tree_range range = {0, 0};
    const bool has_range = tree_take_range(parent, &reg, &range);
    if (tree_text_is(node->device_type, "memory") && has_range) {
        do
            add_memory(&machine->memory, &range);
        while (tree_take_range(parent, &reg, &range));
    } else if (depth == 3 && tree_name_is(parent, "cpus") && tree_name_is(node, "cpu")) {
        if (machine->cpus < MACHINE_CPUS_MAX)
            machine->cpu_id[machine->cpus] = range.base;
        machine->cpus++;
    } else if (depth == 3 && tree_name_is(parent, "reserved-memory") && has_range) {
        do
            add_reserved(machine, &range);
        while (tree_take_range(parent, &reg, &range));
    }
}

static void chosen_property(struct machine *machine, const char *name, struct tree_value value) {
    if (strcmp(name, "bootargs") == 0 && tree_is_text(value))
        machine->bootargs = (const char *)value.at;
    // The ramdisk's end follows its start; the order is not said, so the start waits in the slot.
    static const char initrd[] = "linux,initrd-";
    if (strncmp(name, initrd, sizeof(initrd) - 1) != 0)
        return;
    uint64_t number = tree_number(value);
    struct machine_range *slot = &machine->reserved[0];
    if (strcmp(name + sizeof(initrd) - 1, "start") == 0)
        slot->base = number;
    else
        slot->size = number;
}

static void take_property(void *context, const struct tree_node *node, unsigned depth,
                          const char *name, struct tree_value value) {
    struct machine *machine = context;
    if (strcmp(name, "timebase-frequency") == 0 && machine->timebase == 0)
        machine->timebase = tree_number(value);
    if (depth == 2 && tree_name_is(node, "chosen"))
        chosen_property(machine, name, value);
}

size_t machine_tree_size(const void *tree) { return tree_size(tree); }

bool machine_read(struct machine *machine, const void *tree, size_t size) {
    const struct tree_visitor visitor = {
        .property = take_property,
        .end = take_node,
        .context = machine,
    };
    *machine =
        (struct machine){.bootargs = "", .reserved_count = 1, .tree = tree, .tree_size = size};
    if (!tree_read(tree, size, &visitor) || machine->memory.size == 0)
        return false;
    struct tree_range range;
    for (unsigned i = 0; tree_reservation(tree, i, &range); i++)
        add_reserved(machine, &range);
    if (machine->reserved_count > MACHINE_RESERVED_MAX)
        return false;

    // Slot 0 held the ramdisk's start and end; from here on it is a range like the others.
    struct machine_range *initrd = &machine->reserved[0];
    initrd->size = initrd->size > initrd->base ? initrd->size - initrd->base : 0;
    return true;
}

// Larger trees are damaged ones.
#define TREE_SIZE_MAX (UINT64_C(2) << 20)

const char *machine_read_physical(struct machine *machine, struct phys tree, machine_show *show) {
    const size_t size = machine_tree_size(show(tree, 2 * sizeof(uint32_t)));
    if (size == 0 || size > TREE_SIZE_MAX)
        return "there is no device tree";
    if (!machine_read(machine, show(tree, size), size))
        return "the device tree is damaged";
    add_reserved(machine, &(struct tree_range){tree.raw, size});
    return machine->reserved_count > MACHINE_RESERVED_MAX ? "too much memory is reserved" : NULL;
}

// For a device, when the tree is read once more.
struct search {
    const char *compatible;
    bool found;
    unsigned index; // which of its ranges
    struct tree_range range;
    struct tree_value value;
};

static bool is_wanted(const struct search *search, const struct tree_node *node, unsigned depth) {
    return depth >= 2 && !node->disabled && !search->found &&
           tree_list_has(node->compatible, search->compatible);
}

static void look_for_range(void *context, const struct tree_node *node, unsigned depth) {
    struct search *search = context;
    if (!is_wanted(search, node, depth))
        return;
    struct tree_value reg = node->reg;
    search->found = true;
    for (unsigned i = 0; i <= search->index && search->found; i++)
        search->found = tree_take_range(node - 1, &reg, &search->range);
}

static void look_for_text(void *context, const struct tree_node *node, unsigned depth) {
    struct search *search = context;
    if (!is_wanted(search, node, depth))
        return;
    search->value = node->asked;
    search->found = tree_is_text(node->asked);
}

bool machine_device(const struct machine *machine, const char *compatible, unsigned index,
                    struct machine_range *range) {
    struct search search = {.compatible = compatible, .index = index};
    const struct tree_visitor visitor = {.end = look_for_range, .context = &search};
    if (!tree_read(machine->tree, machine->tree_size, &visitor) || !search.found)
        return false;
    *range = (struct machine_range){search.range.base, search.range.size};
    return true;
}

const char *machine_device_text(const struct machine *machine, const char *compatible,
                                const char *property) {
    struct search search = {.compatible = compatible};
    const struct tree_visitor visitor = {
        .asked = property, .end = look_for_text, .context = &search};
    if (!tree_read(machine->tree, machine->tree_size, &visitor) || !search.found)
        return NULL;
    return (const char *)search.value.at;
}

bool machine_bootarg(const struct machine *machine, const char *name, char *value, size_t size) {
    size_t length = strlen(name);
    for (const char *word = machine->bootargs; *word != '\0';) {
        while (*word == ' ')
            word++;
        bool found = strncmp(word, name, length) == 0 && word[length] == '=';
        const char *from = word + length + 1;
        while (*word != ' ' && *word != '\0')
            word++;
        if (!found)
            continue;
        size_t used = 0;
        for (; from < word && used + 1 < size; from++)
            value[used++] = *from;
        value[used] = '\0';
        return true;
    }
    return false;
}
