// The machine's device tree, read in one pass: each look-up by libfdt would go through all of it
// again.
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

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
    const fdt32_t *timebase;
    const char *isa;
    const char *mmu;
    const void *seed;
    int seed_size;
};

// By the first letter, for most properties are of no interest.
static void node_take(struct node *node, const char *name, const void *value, int size) {
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
    case 'm':
        if (strcmp(name, "mmu-type") == 0) {
            node->mmu = value;
        }
        break;
    case 'r':
        if (strcmp(name, "reg") == 0) {
            node->reg = value;
            node->reg_cells = size / 4;
        } else if (strcmp(name, "rng-seed") == 0) {
            node->seed = value;
            node->seed_size = size;
        } else if (strcmp(name, "riscv,isa") == 0) {
            node->isa = value;
        }
        break;
    case 't':
        if (strcmp(name, "timebase-frequency") == 0 && size == 4) {
            node->timebase = value;
        }
        break;
    default:
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
    if (node->timebase) {
        machine->timebase = fdt32_ld(node->timebase);
    }
    if (node->isa && !machine->isa[0]) {
        // Copies: the tree itself need not stay in sight.
        snprintf(machine->isa, sizeof(machine->isa), "%s", node->isa);
        snprintf(machine->mmu, sizeof(machine->mmu), "%s", node->mmu ? node->mmu : "riscv,sv39");
    }
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
    } else if (!machine->uart && node_is(node, "ns16550a")) {
        machine->uart = machine_number(node->reg, parent->address);
    } else if (!machine->reset && node_is(node, "sifive,test0")) {
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
                node_take(&node, name, value, size);
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

void machine_read(struct machine *machine, uint64_t tree_address) {
    // Seen for now as far as a device tree may be long; the rest of memory follows.
    const uint64_t most = 1 << 20;
    uint64_t begin = tree_address & ~0xfffull;
    core_map(INIT_SLOT_SPACE, INIT_DIRECT + begin, begin, most, RIGHT_R,
             "the machine's device tree");
    const void *tree = memory_see(tree_address);
    if (fdt_check_header(tree) != 0 || fdt_totalsize(tree) > most - (tree_address - begin)) {
        init_refuse("init: the firmware left no device tree at %#lx", (unsigned long)tree_address);
        init_end(1);
    }
    machine->tree = (struct manifest_range){tree_address, fdt_totalsize(tree)};
    machine_walk(machine, tree);
    if (!machine->ram_count || !machine->timebase || !machine->isa[0]) {
        init_refuse("init: the machine's device tree lacks memory, /cpus/timebase-frequency or a "
                    "CPU's riscv,isa");
        init_end(1);
    }
}
