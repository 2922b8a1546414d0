#include "guest/lib/machine.h"

#include "guest/lib/string.h"

#define FDT_MAGIC 0xd00dfeedu
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE 2u
#define FDT_PROP 3u
#define FDT_NOP 4u
#define FDT_END 9u

#define DEPTH_MAX 16

struct value {
    const uint8_t *at;
    uint32_t size;
};

// What is kept of a node while it is open; its meaning is judged when all of it was seen.
struct node {
    const char *name;
    uint32_t address_cells; // for the node's children
    uint32_t size_cells;
    struct value reg;
    struct value compatible;
    struct value device_type;
    bool disabled;
};

struct reader {
    const uint8_t *tree;
    uint32_t structure, structure_end;
    uint32_t strings, strings_end;
    unsigned depth; // node[depth - 1] is the open one
    struct node node[DEPTH_MAX];
};

static uint32_t be32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t be64(const uint8_t *at) { return (uint64_t)be32(at) << 32 | be32(at + 4); }

static bool is_text(struct value value) {
    return value.size > 0 && value.at[value.size - 1] == '\0';
}

static bool text_is(struct value value, const char *text) {
    return is_text(value) && strcmp((const char *)value.at, text) == 0;
}

static bool list_has(struct value list, const char *text) {
    if (!is_text(list))
        return false;
    for (uint32_t i = 0; i < list.size; i += (uint32_t)strlen((const char *)list.at + i) + 1) {
        if (strcmp((const char *)list.at + i, text) == 0)
            return true;
    }
    return false;
}

static bool name_is(const struct node *node, const char *name) {
    size_t length = strlen(name);
    return strncmp(node->name, name, length) == 0 &&
           (node->name[length] == '\0' || node->name[length] == '@');
}

// Takes an (address, size) pair off the front of "reg", with the parent's cell counts. False at the
// end, or when it is no such pair.
static bool take_range(const struct node *parent, struct value *reg, struct machine_range *range) {
    uint64_t number[2] = {0, 0};
    const uint32_t cells[2] = {parent->address_cells, parent->size_cells};
    if (reg->size == 0)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        if (cells[i] > 2 || reg->size < cells[i] * 4)
            return false;
        for (uint32_t cell = 0; cell < cells[i]; cell++, reg->at += 4, reg->size -= 4)
            number[i] = number[i] << 32 | be32(reg->at);
    }
    range->base = number[0];
    range->size = number[1];
    return number[0] + number[1] >= number[0];
}

// Memory is often described in parts that touch each other.
static void add_memory(struct machine_range *memory, const struct machine_range *range) {
    if (memory->size == 0) {
        *memory = *range;
    } else if (range->base == memory->base + memory->size) {
        memory->size += range->size;
    } else if (range->base + range->size == memory->base) {
        memory->base = range->base;
        memory->size += range->size;
    }
}

static void add_reserved(struct machine *machine, uint64_t base, uint64_t size) {
    if (size > 0 && machine->reserved_count < MACHINE_RESERVED_MAX)
        machine->reserved[machine->reserved_count++] = (struct machine_range){base, size};
}

static void close_node(struct reader *reader, struct machine *machine) {
    const struct node *node = &reader->node[reader->depth - 1];
    if (reader->depth < 2 || node->disabled)
        return;
    const struct node *parent = node - 1;
    struct value reg = node->reg;
    struct machine_range range = {0, 0};
    const bool has_range = take_range(parent, &reg, &range);
    if (text_is(node->device_type, "memory") && has_range) {
        do
            add_memory(&machine->memory, &range);
        while (take_range(parent, &reg, &range));
    } else if (reader->depth == 3 && name_is(parent, "cpus") && name_is(node, "cpu")) {
        if (machine->cpus < MACHINE_HARTS_MAX)
            machine->cpu_id[machine->cpus] = range.base;
        machine->cpus++;
    } else if (reader->depth == 3 && name_is(parent, "reserved-memory") && has_range) {
        add_reserved(machine, range.base, range.size);
    } else if (list_has(node->compatible, "google,goldfish-rtc") && has_range) {
        machine->rtc = range.base;
    }
}

static uint64_t number_of(struct value value) {
    return value.size == 4 ? be32(value.at) : value.size == 8 ? be64(value.at) : 0;
}

static void chosen_property(struct machine *machine, const char *name, struct value value) {
    if (strcmp(name, "bootargs") == 0 && is_text(value))
        machine->bootargs = (const char *)value.at;
    // The ramdisk's end follows its start; the order is not said, so the start waits in the slot.
    static const char initrd[] = "linux,initrd-";
    if (strncmp(name, initrd, sizeof(initrd) - 1) != 0)
        return;
    uint64_t number = number_of(value);
    struct machine_range *slot = &machine->reserved[0];
    if (strcmp(name + sizeof(initrd) - 1, "start") == 0)
        slot->base = number;
    else
        slot->size = number;
}

static void take_property(struct reader *reader, struct machine *machine, const char *name,
                          struct value value) {
    struct node *node = &reader->node[reader->depth - 1];
    if (strcmp(name, "#address-cells") == 0 && value.size == 4)
        node->address_cells = be32(value.at);
    else if (strcmp(name, "#size-cells") == 0 && value.size == 4)
        node->size_cells = be32(value.at);
    else if (strcmp(name, "reg") == 0)
        node->reg = value;
    else if (strcmp(name, "compatible") == 0)
        node->compatible = value;
    else if (strcmp(name, "device_type") == 0)
        node->device_type = value;
    else if (strcmp(name, "status") == 0)
        node->disabled = !text_is(value, "okay") && !text_is(value, "ok");
    else if (strcmp(name, "timebase-frequency") == 0 && machine->timebase == 0)
        machine->timebase = number_of(value);
    else if (strcmp(name, "riscv,isa") == 0 && machine->isa[0] == '\0' && is_text(value))
        machine->isa = (const char *)value.at;
    if (reader->depth == 2 && name_is(node, "chosen"))
        chosen_property(machine, name, value);
}

// A string that ends before `end`, or NULL.
static const char *text_at(const struct reader *reader, uint32_t at, uint32_t end) {
    for (uint32_t i = at; i < end; i++) {
        if (reader->tree[i] == '\0')
            return (const char *)reader->tree + at;
    }
    return NULL;
}

static bool begin_node(struct reader *reader) {
    const char *name = text_at(reader, reader->structure, reader->structure_end);
    if (name == NULL || reader->depth == DEPTH_MAX)
        return false;
    reader->structure += ((uint32_t)strlen(name) + 4) & ~3u;
    // The defaults of Devicetree Specification v0.4 §2.3.5.
    reader->node[reader->depth++] = (struct node){
        .name = name,
        .address_cells = 2,
        .size_cells = 1,
    };
    return true;
}

static bool property(struct reader *reader, struct machine *machine) {
    if (reader->structure_end - reader->structure < 8 || reader->depth == 0)
        return false;
    uint32_t size = be32(reader->tree + reader->structure);
    uint32_t name_offset = be32(reader->tree + reader->structure + 4);
    reader->structure += 8;
    if (size > reader->structure_end - reader->structure ||
        name_offset >= reader->strings_end - reader->strings)
        return false;
    const char *name = text_at(reader, reader->strings + name_offset, reader->strings_end);
    if (name == NULL)
        return false;
    take_property(reader, machine, name, (struct value){reader->tree + reader->structure, size});
    reader->structure += (size + 3) & ~3u;
    return true;
}

static bool read_structure(struct reader *reader, struct machine *machine) {
    while (reader->structure <= reader->structure_end &&
           reader->structure_end - reader->structure >= 4) {
        uint32_t token = be32(reader->tree + reader->structure);
        reader->structure += 4;
        bool good = true;
        if (token == FDT_END)
            return reader->depth == 0;
        if (token == FDT_BEGIN_NODE)
            good = begin_node(reader);
        else if (token == FDT_PROP)
            good = property(reader, machine);
        else if (token == FDT_END_NODE && reader->depth > 0)
            close_node(reader, machine), reader->depth--;
        else if (token != FDT_NOP)
            good = false;
        if (!good)
            return false;
    }
    return false;
}

size_t machine_tree_size(const void *tree) {
    const uint8_t *header = tree;
    return be32(header) == FDT_MAGIC ? be32(header + 4) : 0;
}

// The header's block at `offset` with `size` bytes lies inside the tree.
static bool block(uint32_t offset, uint32_t size, uint32_t total) {
    return offset <= total && size <= total - offset;
}

bool machine_read(struct machine *machine, const void *tree, size_t size) {
    const uint8_t *header = tree;
    *machine = (struct machine){.isa = "", .bootargs = "", .reserved_count = 1};
    if (size < 40 || be32(header) != FDT_MAGIC || be32(header + 4) > size)
        return false;
    uint32_t total = be32(header + 4);
    struct reader reader = {
        .tree = header, .structure = be32(header + 8), .strings = be32(header + 12)};
    if (be32(header + 20) < 17 || !block(reader.structure, be32(header + 36), total) ||
        !block(reader.strings, be32(header + 32), total))
        return false;
    reader.structure_end = reader.structure + be32(header + 36);
    reader.strings_end = reader.strings + be32(header + 32);

    for (uint32_t at = be32(header + 16); block(at, 16, total); at += 16) {
        if (be64(header + at) == 0 && be64(header + at + 8) == 0)
            break;
        add_reserved(machine, be64(header + at), be64(header + at + 8));
    }
    if (!read_structure(&reader, machine) || machine->memory.size == 0)
        return false;

    // Slot 0 held the ramdisk's start and end; from here on it is a range like the others.
    struct machine_range *initrd = &machine->reserved[0];
    initrd->size = initrd->size > initrd->base ? initrd->size - initrd->base : 0;
    return true;
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
