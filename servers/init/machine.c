#include <libfdt.h>
#include <string.h>

#include "servers/init/init.h"

static uint64_t machine_cells(const void *property, int cells) {
    uint64_t value = 0;
    for (int i = 0; i < cells; i++) {
        value = value << 32 | fdt32_ld((const fdt32_t *)property + i);
    }
    return value;
}

static void machine_memory(struct machine *machine, const void *tree, int node) {
    int parent = fdt_parent_offset(tree, node);
    int address_cells = fdt_address_cells(tree, parent);
    int size_cells = fdt_size_cells(tree, parent);
    int length = 0;
    const fdt32_t *reg = fdt_getprop(tree, node, "reg", &length);
    if (!reg || address_cells < 1 || address_cells > 2 || size_cells < 1 || size_cells > 2) {
        return;
    }
    int entry = address_cells + size_cells;
    for (int at = 0; at + entry <= length / 4 && machine->ram_count < 4; at += entry) {
        machine->ram[machine->ram_count++] = (struct manifest_range){
            machine_cells(reg + at, address_cells),
            machine_cells(reg + at + address_cells, size_cells),
        };
    }
}

static void machine_cpus(struct machine *machine, const void *tree) {
    int cpus = fdt_path_offset(tree, "/cpus");
    const fdt32_t *timebase = fdt_getprop(tree, cpus, "timebase-frequency", NULL);
    machine->timebase = timebase ? fdt32_ld(timebase) : 0;
    int node;
    fdt_for_each_subnode(node, tree, cpus) {
        const char *isa = fdt_getprop(tree, node, "riscv,isa", NULL);
        const char *mmu = fdt_getprop(tree, node, "mmu-type", NULL);
        if (isa) {
            machine->isa = isa;
            machine->mmu = mmu ? mmu : "riscv,sv39";
            return;
        }
    }
}

// The first register of the first device that is compatible with WHAT; 0 when there is none.
static uint64_t machine_device(const void *tree, const char *what) {
    int node = fdt_node_offset_by_compatible(tree, -1, what);
    int length = 0;
    const fdt32_t *reg = node < 0 ? NULL : fdt_getprop(tree, node, "reg", &length);
    int cells = node < 0 ? 0 : fdt_address_cells(tree, fdt_parent_offset(tree, node));
    return reg && cells >= 1 && cells <= 2 && length >= cells * 4 ? machine_cells(reg, cells) : 0;
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
    int node;
    fdt_for_each_subnode(node, tree, 0) {
        const char *type = fdt_getprop(tree, node, "device_type", NULL);
        if (type && strcmp(type, "memory") == 0) {
            machine_memory(machine, tree, node);
        }
    }
    machine_cpus(machine, tree);
    machine->uart = machine_device(tree, "ns16550a");
    machine->reset = machine_device(tree, "sifive,test0");
    if (!machine->ram_count || !machine->timebase || !machine->isa) {
        init_refuse("init: the machine's device tree lacks memory, /cpus/timebase-frequency or a "
                    "CPU's riscv,isa");
        init_end(1);
    }
}
