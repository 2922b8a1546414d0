#include "guest/lib/tree.h"

#include "guest/lib/string.h"

#define FDT_MAGIC 0xd00dfeedu
#define FDT_VERSION 17
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE 2u
#define FDT_PROP 3u
#define FDT_NOP 4u
#define FDT_END 9u

#define DEPTH_MAX 16

// The header (§5.2): 32-bit words.
#define HEADER_SIZE 40
#define HEADER_TOTAL 4
#define HEADER_STRUCTURE 8
#define HEADER_STRINGS 12
#define HEADER_RESERVATIONS 16
#define HEADER_VERSION 20
#define HEADER_STRINGS_SIZE 32
#define HEADER_STRUCTURE_SIZE 36

#define RESERVATION_SIZE 16

struct reader {
    const uint8_t *tree;
    uint32_t structure, structure_end;
    uint32_t strings, strings_end;
    const struct tree_visitor *visitor;
    unsigned depth; // node[depth - 1] is the open one
    struct tree_node node[DEPTH_MAX];
};

static uint32_t be32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t be64(const uint8_t *at) { return (uint64_t)be32(at) << 32 | be32(at + 4); }

uint64_t tree_number(struct tree_value value) {
    return value.size == 4 ? be32(value.at) : value.size == 8 ? be64(value.at) : 0;
}

bool tree_is_text(struct tree_value value) {
    return value.size > 0 && value.at[value.size - 1] == '\0';
}

bool tree_text_is(struct tree_value value, const char *text) {
    return tree_is_text(value) && strcmp((const char *)value.at, text) == 0;
}

bool tree_list_has(struct tree_value list, const char *text) {
    if (!tree_is_text(list))
        return false;
    for (uint32_t i = 0; i < list.size; i += (uint32_t)strlen((const char *)list.at + i) + 1) {
        if (strcmp((const char *)list.at + i, text) == 0)
            return true;
    }
    return false;
}

bool tree_name_is(const struct tree_node *node, const char *name) {
    size_t length = strlen(name);
    return strncmp(node->name, name, length) == 0 &&
           (node->name[length] == '\0' || node->name[length] == '@');
}

bool tree_take_range(const struct tree_node *parent, struct tree_value *reg,
                     struct tree_range *range) {
    uint64_t number[2] = {0, 0};
    const uint32_t cells[2] = {parent->address_cells, parent->size_cells};
    // Pairs of nothing would never end.
    if (reg->size == 0 || (cells[0] | cells[1]) == 0)
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

static void take_property(struct reader *reader, const char *name, struct tree_value value) {
    const struct tree_visitor *visitor = reader->visitor;
    struct tree_node *node = &reader->node[reader->depth - 1];
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
        node->disabled = !tree_text_is(value, "okay") && !tree_text_is(value, "ok");
    if (visitor->asked != NULL && strcmp(name, visitor->asked) == 0)
        node->asked = value;
    if (visitor->property != NULL)
        visitor->property(visitor->context, node, reader->depth, name, value);
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
    // The defaults of §2.3.5.
    reader->node[reader->depth++] = (struct tree_node){
        .name = name,
        .address_cells = 2,
        .size_cells = 1,
    };
    return true;
}

static bool end_node(struct reader *reader) {
    if (reader->depth == 0)
        return false;
    const struct tree_visitor *visitor = reader->visitor;
    visitor->end(visitor->context, &reader->node[reader->depth - 1], reader->depth);
    reader->depth--;
    return true;
}

static bool property(struct reader *reader) {
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
    take_property(reader, name, (struct tree_value){reader->tree + reader->structure, size});
    reader->structure += (size + 3) & ~3u;
    return true;
}

static bool read_structure(struct reader *reader) {
    while (reader->structure <= reader->structure_end &&
           reader->structure_end - reader->structure >= 4) {
        uint32_t token = be32(reader->tree + reader->structure);
        reader->structure += 4;
        bool good = false;
        if (token == FDT_END)
            return reader->depth == 0;
        if (token == FDT_BEGIN_NODE)
            good = begin_node(reader);
        else if (token == FDT_PROP)
            good = property(reader);
        else if (token == FDT_END_NODE)
            good = end_node(reader);
        else if (token == FDT_NOP)
            good = true;
        if (!good)
            return false;
    }
    return false;
}

size_t tree_size(const void *tree) {
    const uint8_t *header = tree;
    return be32(header) == FDT_MAGIC ? be32(header + HEADER_TOTAL) : 0;
}

// The header's block at `offset` with `size` bytes lies inside the tree.
static bool block(uint32_t offset, uint32_t size, uint32_t total) {
    return offset <= total && size <= total - offset;
}

bool tree_read(const void *tree, size_t size, const struct tree_visitor *visitor) {
    const uint8_t *header = tree;
    if (size < HEADER_SIZE || tree_size(tree) == 0 || tree_size(tree) > size)
        return false;
    const uint32_t total = be32(header + HEADER_TOTAL);
    struct reader reader = {
        .tree = tree,
        .structure = be32(header + HEADER_STRUCTURE),
        .strings = be32(header + HEADER_STRINGS),
        .visitor = visitor,
    };
    if (be32(header + HEADER_VERSION) < FDT_VERSION ||
        !block(reader.structure, be32(header + HEADER_STRUCTURE_SIZE), total) ||
        !block(reader.strings, be32(header + HEADER_STRINGS_SIZE), total))
        return false;
    reader.structure_end = reader.structure + be32(header + HEADER_STRUCTURE_SIZE);
    reader.strings_end = reader.strings + be32(header + HEADER_STRINGS_SIZE);
    return read_structure(&reader);
}

bool tree_reservation(const void *tree, unsigned index, struct tree_range *range) {
    const uint8_t *header = tree;
    const uint32_t total = be32(header + HEADER_TOTAL);
    const uint64_t at = be32(header + HEADER_RESERVATIONS) + (uint64_t)index * RESERVATION_SIZE;
    if (at > total || total - at < RESERVATION_SIZE)
        return false;
    *range = (struct tree_range){be64(header + at), be64(header + at + 8)};
    return range->base != 0 || range->size != 0;
}
