// The machine's device tree, read in one pass: each look-up by libfdt would go through all of it
// again.
#include "servers/init/machine.h"

#include <libfdt.h>
#include <string.h>

#include "libs/uart/uart.h"
#include "servers/init/init.h"

#define MACHINE_DEPTH 8 // how deep nodes of interest may lie

// #address-cells and #size-cells of a node, for its children (Devicetree Specification 0.4,
// §2.3.5).
struct cells {
    int address;
    int size;
};

static uint64_t machine_number(const fdt32_t *cell, int cells) {
    uint64_t value = 0;
    for (int i = 0; i < cells; i++) {
        value = value << 32 | fdt32_ld(cell + i);
    }
    return value;
}

// What one node says, as far as it is of interest.
struct node {
    const char *type;       // device_type
    const char *compatible; // a list of texts, compatible_size bytes
    int compatible_size;
    const fdt32_t *reg;
    int reg_cells;
    struct cells cells;
    const void *seed;
    int seed_size;
};

// By the first letter, for most properties are of no interest.
static void node_take(struct machine *machine, struct node *node, const char *name,
                      const void *value, int size) {
    switch (name[0]) {
    case '#':
        if (strcmp(name, "#address-cells") == 0 && size == 4) {
            node->cells.address = (int)fdt32_ld(value);
        } else if (strcmp(name, "#size-cells") == 0 && size == 4) {
            node->cells.size = (int)fdt32_ld(value);
        }
        break;
    case 'c':
        if (strcmp(name, "compatible") == 0) {
            node->compatible = value;
            node->compatible_size = size;
        }
        break;
    case 'd':
        if (strcmp(name, "device_type") == 0) {
            node->type = value;
        }
        break;
    case 'r':
        if (strcmp(name, "reg") == 0) {
            node->reg = value;
            node->reg_cells = size / 4;
        } else if (strcmp(name, "rng-seed") == 0) {
            node->seed = value;
            node->seed_size = size;
        } else {
            machine_arch_property(machine, name, value, size);
        }
        break;
    default:
        machine_arch_property(machine, name, value, size);
        break;
    }
}

static bool node_is(const struct node *node, const char *what) {
    return node->compatible &&
           fdt_stringlist_contains(node->compatible, node->compatible_size, what);
}

static void machine_memory(struct machine *machine, const struct node *node,
                           const struct cells *cells) {
    int entry = cells->address + cells->size;
    for (int at = 0; at + entry <= node->reg_cells && machine->ram_count < 4; at += entry) {
        machine->ram[machine->ram_count++] = (struct manifest_range){
            machine_number(node->reg + at, cells->address),
            machine_number(node->reg + at + cells->address, cells->size),
        };
    }
}

// PARENT: the cells that the node's reg is written in.
static void machine_node(struct machine *machine, const struct node *node,
                         const struct cells *parent) {
    if (node->seed && node->seed_size >= (int)sizeof(machine->seed)) {
        memcpy(machine->seed, node->seed, sizeof(machine->seed));
        machine->has_seed = true;
    }
    if (!node->reg || parent->address < 1 || parent->address > 2 || parent->size < 0 ||
        parent->size > 2 || node->reg_cells < parent->address) {
        return;
    }
    if (node->type && strcmp(node->type, "memory") == 0 && parent->size > 0) {
        machine_memory(machine, node, parent);
        return;
    }
    const struct uart_driver *uart =
        node->compatible && !machine->uart
            ? uart_find(node->compatible, (size_t)node->compatible_size)
            : NULL;
    if (uart) {
        machine->uart = machine_number(node->reg, parent->address);
        machine->uart_driver = uart;
    } else if (machine_reset_device && !machine->reset && node_is(node, machine_reset_device)) {
        machine->reset = machine_number(node->reg, parent->address);
    }
}

// A node's properties end where its first child begins, or at its own end.
static void machine_walk(struct machine *machine, const void *tree) {
    struct cells cells[MACHINE_DEPTH + 1] = {{2, 1}};
    struct node node = {.cells = {2, 1}};
    int depth = 0;
    int offset = 0;
    bool open = false; // the properties of a node are being collected
    for (;;) {
        int next;
        uint32_t tag = fdt_next_tag(tree, offset, &next);
        if (tag == FDT_PROP && open && depth <= MACHINE_DEPTH) {
            const char *name;
            int size;
            const void *value = fdt_getprop_by_offset(tree, offset, &name, &size);
            if (value) {
                node_take(machine, &node, name, value, size);
            }
        } else if (tag != FDT_PROP && tag != FDT_NOP) {
            if (open && depth <= MACHINE_DEPTH) {
                machine_node(machine, &node, &cells[depth - 1]);
                cells[depth] = node.cells;
            }
            depth += tag == FDT_BEGIN_NODE ? 1 : -1;
            open = tag == FDT_BEGIN_NODE;
            node = (struct node){.cells = {2, 1}};
        }
        if (tag == FDT_END || depth < 0 || next < 0) {
            return;
        }
        offset = next;
    }
}

void machine_read(struct machine *machine, uint64_t told) {
    // Seen as far as a device tree may be long.
    const uint64_t most = 1 << 20;
    uint64_t begin = told & ~0xfffull;
    core_map(INIT_SLOT_SPACE, INIT_TREE, begin, most, RIGHT_R, "the machine's device tree");
    const void *tree = (const void *)(uintptr_t)(INIT_TREE + (told - begin));
    if (fdt_check_header(tree) != 0 || fdt_totalsize(tree) > most - (told - begin)) {
        init_refuse("init: the firmware left no device tree at %#lx", (unsigned long)told);
        init_end(1);
    }
    machine->tree = (struct manifest_range){told, fdt_totalsize(tree)};
    machine_walk(machine, tree);
    const char *missing = machine_arch_finish(machine);
    if (!machine->ram_count || missing) {
        init_refuse("init: the machine's device tree lacks %s",
                    machine->ram_count ? missing : "memory");
        init_end(1);
    }
}
