// What a guest reads of its device tree is what libfdt wrote into it.

#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guest/lib/machine.h"

#define TREE_SIZE 4096

static uint8_t tree[TREE_SIZE];

static int node(int parent, const char *name) {
    const int at = fdt_add_subnode(tree, parent, name);
    assert_true(at >= 0);
    return at;
}

static void text(int at, const char *name, const char *value) {
    assert_int_equal(fdt_setprop_string(tree, at, name, value), 0);
}

static void number(int at, const char *name, uint32_t value) {
    assert_int_equal(fdt_setprop_u32(tree, at, name, value), 0);
}

static void cells(int at, uint32_t address, uint32_t size) {
    number(at, "#address-cells", address);
    number(at, "#size-cells", size);
}

static void range(int at, uint64_t base, uint64_t size) {
    assert_int_equal(fdt_appendprop_u64(tree, at, "reg", base), 0);
    assert_int_equal(fdt_appendprop_u64(tree, at, "reg", size), 0);
}

static void begin(void) {
    assert_int_equal(fdt_create_empty_tree(tree, TREE_SIZE), 0);
    cells(0, 2, 2);
}

static void memory(const char *name, uint64_t base, uint64_t size) {
    const int at = node(0, name);
    text(at, "device_type", "memory");
    range(at, base, size);
}

static void test_everything_a_guest_reads(void **state) {
    (void)state;
    struct machine machine;
    struct machine_range rtc;
    char value[8];
    begin();
    // libfdt puts a new node before its elder siblings: in the tree the upper half comes first.
    memory("memory@80000000", 0x80000000, 0x800000);
    memory("memory@80800000", 0x80800000, 0x800000);
    const int cpus = node(0, "cpus");
    cells(cpus, 1, 0);
    number(cpus, "timebase-frequency", 10000000);
    int at = node(cpus, "cpu@2");
    number(at, "reg", 2);
    text(at, "status", "disabled");
    at = node(cpus, "cpu@1");
    number(at, "reg", 1);
    text(at, "compatible", "riscv");
    text(at, "riscv,isa", "rv64imac_sstc");
    at = node(cpus, "cpu@0");
    number(at, "reg", 0);
    text(at, "compatible", "riscv");
    text(at, "riscv,isa", "rv64imac_sstc");
    at = node(0, "chosen");
    text(at, "bootargs", "quiet case=something init=spin");
    assert_int_equal(fdt_setprop_u64(tree, at, "linux,initrd-end", 0x80f00000), 0);
    assert_int_equal(fdt_setprop_u64(tree, at, "linux,initrd-start", 0x80e00000), 0);
    at = node(0, "reserved-memory");
    cells(at, 2, 2);
    range(node(at, "mailbox@80d00000"), 0x80d00000, 0x1000);
    at = node(0, "rtc@101000");
    text(at, "compatible", "google,goldfish-rtc");
    range(at, 0x101000, 0x1000);

    assert_int_equal(machine_tree_size(tree), TREE_SIZE);
    assert_true(machine_read(&machine, tree, TREE_SIZE));
    assert_int_equal(machine.memory.base, 0x80000000);
    assert_int_equal(machine.memory.size, 0x1000000);
    assert_int_equal(machine.cpus, 2);
    assert_int_equal(machine.cpu_id[0] + machine.cpu_id[1], 1);
    assert_int_equal(machine.timebase, 10000000);
    assert_string_equal(machine_device_text(&machine, "riscv", "riscv,isa"), "rv64imac_sstc");
    assert_true(machine_device(&machine, "google,goldfish-rtc", 0, &rtc));
    assert_int_equal(rtc.base, 0x101000);
    assert_int_equal(machine.reserved_count, 2);
    assert_int_equal(machine.reserved[0].base, 0x80e00000);
    assert_int_equal(machine.reserved[0].size, 0x100000);
    assert_int_equal(machine.reserved[1].base, 0x80d00000);
    assert_true(machine_bootarg(&machine, "init", value, sizeof(value)));
    assert_string_equal(value, "spin");
    assert_true(machine_bootarg(&machine, "case", value, sizeof(value)));
    assert_string_equal(value, "somethi");
    assert_false(machine_bootarg(&machine, "quiet", value, sizeof(value)));
}

// As Arm's devices are described: with two ranges, or none and a word.
static void test_devices_by_their_kind(void **state) {
    (void)state;
    struct machine machine;
    struct machine_range found;
    begin();
    memory("memory@40000000", 0x40000000, 0x1000000);
    int at = node(0, "uart@9040000");
    text(at, "compatible", "arm,pl011");
    text(at, "status", "disabled");
    range(at, 0x9040000, 0x1000);
    at = node(0, "uart@9000000");
    assert_int_equal(fdt_setprop(tree, at, "compatible", "arm,pl011\0arm,primecell", 24), 0);
    range(at, 0x9000000, 0x1000);
    at = node(0, "intc@8000000");
    text(at, "compatible", "arm,gic-v3");
    range(at, 0x8000000, 0x10000);
    range(at, 0x80a0000, 0xf60000);
    at = node(0, "psci");
    text(at, "compatible", "arm,psci-1.0");
    text(at, "method", "hvc");

    assert_true(machine_read(&machine, tree, TREE_SIZE));
    assert_true(machine_device(&machine, "arm,pl011", 0, &found));
    assert_int_equal(found.base, 0x9000000);
    assert_true(machine_device(&machine, "arm,primecell", 0, &found));
    assert_true(machine_device(&machine, "arm,gic-v3", 0, &found));
    assert_int_equal(found.base, 0x8000000);
    assert_true(machine_device(&machine, "arm,gic-v3", 1, &found));
    assert_int_equal(found.base, 0x80a0000);
    assert_int_equal(found.size, 0xf60000);
    assert_false(machine_device(&machine, "arm,gic-v3", 2, &found));
    assert_false(machine_device(&machine, "arm,gic-v2", 0, &found));
    assert_false(machine_device(&machine, "arm,psci-1.0", 0, &found));
    assert_string_equal(machine_device_text(&machine, "arm,psci-1.0", "method"), "hvc");
    assert_null(machine_device_text(&machine, "arm,psci-1.0", "other"));
}

// Memory that somebody else uses is never forgotten: not the second range of a node, and not when
// there are more than can be kept.
static void test_all_reserved_ranges_count(void **state) {
    (void)state;
    struct machine machine;
    begin();
    memory("memory@80000000", 0x80000000, 0x1000000);
    const int reserved = node(0, "reserved-memory");
    cells(reserved, 2, 2);
    int at = node(reserved, "firmware@80000000");
    for (unsigned i = 1; i < MACHINE_RESERVED_MAX; i++)
        range(at, 0x80000000 + i * 0x10000, 0x1000);
    assert_true(machine_read(&machine, tree, TREE_SIZE));
    assert_int_equal(machine.reserved_count, MACHINE_RESERVED_MAX);
    assert_int_equal(machine.reserved[2].base, 0x80020000);
    range(at, 0x80c00000, 0x1000);
    assert_false(machine_read(&machine, tree, TREE_SIZE));
}

// A "reg" in which a range takes no bytes has no end.
static void test_ranges_of_no_cells_are_none(void **state) {
    (void)state;
    struct machine machine;
    begin();
    cells(0, 0, 0);
    memory("memory@80000000", 0x80000000, 0x1000000);
    assert_false(machine_read(&machine, tree, TREE_SIZE));
}

static void test_memory_that_does_not_touch_stays_apart(void **state) {
    (void)state;
    struct machine machine;
    begin();
    memory("memory@90000000", 0x90000000, 0x800000);
    memory("memory@80000000", 0x80000000, 0x800000);
    assert_true(machine_read(&machine, tree, TREE_SIZE));
    assert_int_equal(machine.memory.base, 0x80000000);
    assert_int_equal(machine.memory.size, 0x800000);
}

static void test_wrong_trees_are_refused(void **state) {
    (void)state;
    struct machine machine;
    begin();
    assert_false(machine_read(&machine, tree, TREE_SIZE)); // no memory
    memory("memory@80000000", 0x80000000, 0x800000);
    assert_true(machine_read(&machine, tree, TREE_SIZE));
    assert_false(machine_read(&machine, tree, TREE_SIZE - 1));
    assert_int_equal(fdt_pack(tree), 0);
    const uint32_t size = fdt_totalsize(tree);
    for (uint32_t cut = 0; cut < size; cut++) {
        fdt_set_totalsize(tree, cut);
        assert_false(machine_read(&machine, tree, cut));
    }
    fdt_set_totalsize(tree, size);
    tree[0] = 0;
    assert_int_equal(machine_tree_size(tree), 0);
    assert_false(machine_read(&machine, tree, size));
}

#define TREE_AT 0x80100000u

static const void *show(struct phys at, uint64_t size) {
    assert_true(at.raw == TREE_AT && size <= TREE_SIZE);
    return tree;
}

static void test_a_tree_in_physical_memory_is_reserved(void **state) {
    (void)state;
    struct machine machine;
    begin();
    memory("memory@80000000", 0x80000000, 0x800000);
    assert_null(machine_read_physical(&machine, (struct phys){TREE_AT}, show));
    assert_int_equal(machine.reserved_count, 2);
    assert_int_equal(machine.reserved[1].base, TREE_AT);
    assert_int_equal(machine.reserved[1].size, TREE_SIZE);

    for (unsigned i = 0; i < MACHINE_RESERVED_MAX - 2; i++)
        assert_int_equal(fdt_add_mem_rsv(tree, 0x80010000 + i * 0x1000, 0x1000), 0);
    assert_null(machine_read_physical(&machine, (struct phys){TREE_AT}, show));
    assert_int_equal(fdt_add_mem_rsv(tree, 0x80200000, 0x1000), 0);
    assert_string_equal(machine_read_physical(&machine, (struct phys){TREE_AT}, show),
                        "too much memory is reserved");

    begin(); // without memory
    assert_string_equal(machine_read_physical(&machine, (struct phys){TREE_AT}, show),
                        "the device tree is damaged");
    fdt_set_totalsize(tree, UINT32_MAX);
    assert_string_equal(machine_read_physical(&machine, (struct phys){TREE_AT}, show),
                        "there is no device tree");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_a_guest_reads),
        cmocka_unit_test(test_devices_by_their_kind),
        cmocka_unit_test(test_all_reserved_ranges_count),
        cmocka_unit_test(test_ranges_of_no_cells_are_none),
        cmocka_unit_test(test_memory_that_does_not_touch_stays_apart),
        cmocka_unit_test(test_wrong_trees_are_refused),
        cmocka_unit_test(test_a_tree_in_physical_memory_is_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
