// A flattened device tree, read once from its beginning to its end (Devicetree Specification v0.4,
// chapter 5). The tree comes from outside: every offset is checked and a wrong tree is refused,
// never followed.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A property's bytes, in the tree.
struct tree_value {
    const uint8_t *at;
    uint32_t size;
};

// What is kept of a node while it is open.
struct tree_node {
    const char *name;
    uint32_t address_cells; // for the node's children
    uint32_t size_cells;
    struct tree_value reg;
    struct tree_value compatible;
    struct tree_value device_type;
    struct tree_value asked; // the property that the visitor asks for
    bool disabled;
};

struct tree_range {
    uint64_t base;
    uint64_t size;
};

// Who reads. A node at depth 1 is the root; at a greater depth node[-1] is the node's parent.
struct tree_visitor {
    const char *asked; // a property's name, or NULL
    // For each property, may be NULL; then for each node when all of it was seen.
    void (*property)(void *context, const struct tree_node *node, unsigned depth, const char *name,
                     struct tree_value value);
    void (*end)(void *context, const struct tree_node *node, unsigned depth);
    void *context;
};

// What the first 8 bytes of a tree say about its size, 0 when they are no tree's.
size_t tree_size(const void *tree);

// Reads the tree, whose `size` bytes are readable. False when it is malformed, which may be found
// out when the visitor has seen a part of it.
bool tree_read(const void *tree, size_t size, const struct tree_visitor *visitor);

// Entry `index` of the memory reservation block, in a tree that tree_read() took. False behind the
// last.
bool tree_reservation(const void *tree, unsigned index, struct tree_range *range);

// Values: a number of one or two cells (0 when it is none), a string, one of a list of strings.
uint64_t tree_number(struct tree_value value);
bool tree_is_text(struct tree_value value);
bool tree_text_is(struct tree_value value, const char *text);
bool tree_list_has(struct tree_value list, const char *text);

// With or without a unit address.
bool tree_name_is(const struct tree_node *node, const char *name);

// Takes an (address, size) pair off the front of "reg", with the parent's cell counts. False at the
// end, or when it is no such pair.
bool tree_take_range(const struct tree_node *parent, struct tree_value *reg,
                     struct tree_range *range);
