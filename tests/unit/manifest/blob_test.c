// Blobs that are no manifest, the root node, and /host: each wrong one is refused by its message.

#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/manifest/blobs.h"
#include "tests/unit/manifest/edit.h"

static struct edit edit;

static int reset(void **state) {
    (void)state;
    edit_reset(&edit);
    return 0;
}

static void expect_blob(const void *blob, size_t size, enum status status, const char *text) {
    struct manifest_error *error = &edit.error;
    memset(error, 0xa5, sizeof(*error));
    assert_int_equal(manifest_parse(blob, size, "riscv64", &edit.manifest, error), status);
    assert_string_equal(error->text, text);
    assert_string_equal(error->node, "");
    assert_string_equal(error->property, "");
}

static void test_what_is_no_device_tree_is_refused(void **state) {
    (void)state;
    static const _Alignas(8) char text[] = "/dts-v1/; / { compatible = \"exeunt,manifest-1\"; };";
    expect_blob(text, sizeof(text), STATUS_CORRUPT,
                "the manifest is not a compiled device tree; compile it with dtc -O dtb");
    expect_blob(text, 10, STATUS_CORRUPT,
                "the manifest has 10 bytes, which is too short for a device tree; compile it with "
                "dtc -O dtb");
    expect_blob(blob_default, 0, STATUS_CORRUPT,
                "the manifest has 0 bytes, which is too short for a device tree; compile it with "
                "dtc -O dtb");
}

static void test_other_versions_of_the_format_are_refused(void **state) {
    (void)state;
    fdt_set_version(edit.blob, 16);
    expect_blob(edit.blob, EDIT_SIZE, STATUS_CORRUPT,
                "the manifest has version 16 of the device tree format; compile it with dtc -O "
                "dtb -V 17");
}

static void test_a_manifest_cut_short_anywhere_is_refused(void **state) {
    (void)state;
    size_t whole = BLOB_SIZE(default);
    for (size_t size = 0; size < whole; size++) {
        // Where the heap ends, the sanitizer sees every byte that is read behind.
        void *blob = malloc(size == 0 ? 1 : size);
        assert_non_null(blob);
        memcpy(blob, blob_default, size);
        enum status status = manifest_parse(blob, size, "riscv64", &edit.manifest, &edit.error);
        free(blob);
        assert_int_equal(status, STATUS_CORRUPT);
    }
}

static void test_a_broken_structure_is_refused(void **state) {
    (void)state;
    memset(edit.blob + fdt_off_dt_struct(edit.blob), 0x7f, 16);
    expect_blob(edit.blob, EDIT_SIZE, STATUS_CORRUPT,
                "the manifest is a broken device tree (libfdt: FDT_ERR_BADSTRUCTURE); compile it "
                "again");
}

// Both pass fdt_check_full.
static void test_a_tree_without_a_root_is_refused(void **state) {
    (void)state;
    const char *text = "the manifest is a device tree without a root node; compile it again";
    uint8_t *strings = edit.blob + fdt_off_dt_strings(edit.blob);
    fdt32_t *structure = (fdt32_t *)(edit.blob + fdt_off_dt_struct(edit.blob));
    memmove(strings + 4, strings, fdt_size_dt_strings(edit.blob));
    memmove(structure + 1, structure, fdt_size_dt_struct(edit.blob));
    structure[0] = cpu_to_fdt32(FDT_NOP);
    fdt_set_size_dt_struct(edit.blob, fdt_size_dt_struct(edit.blob) + 4);
    fdt_set_off_dt_strings(edit.blob, fdt_off_dt_strings(edit.blob) + 4);
    expect_blob(edit.blob, EDIT_SIZE, STATUS_CORRUPT, text);

    structure[0] = cpu_to_fdt32(FDT_END);
    fdt_set_size_dt_struct(edit.blob, 4);
    expect_blob(edit.blob, EDIT_SIZE, STATUS_CORRUPT, text);
}

static void test_an_enormous_manifest_is_refused(void **state) {
    (void)state;
    fdt_set_totalsize(edit.blob, 0x10001);
    expect_blob(edit.blob, EDIT_SIZE, STATUS_NO_MEMORY,
                "the manifest has 65537 bytes; at most 65536 are possible");
}

// Neither can be made with dtc.
static void test_names_that_stand_twice_are_refused(void **state) {
    (void)state;
    // "vcpus" becomes "id" by the place of its name.
    int length = 0;
    int node = fdt_path_offset(edit.blob, "/vms/vm0");
    struct fdt_property *vcpus = fdt_get_property_w(edit.blob, node, "vcpus", &length);
    const struct fdt_property *id = fdt_get_property(edit.blob, node, "id", &length);
    vcpus->nameoff = id->nameoff;
    edit_expect(&edit, STATUS_INVALID, "/vms/vm0", "id", "is there twice; remove one");

    edit_add(&edit, "/vms/vm0", "imagf");
    char *name = (char *)(uintptr_t)fdt_get_name(
        edit.blob, fdt_path_offset(edit.blob, "/vms/vm0/imagf"), NULL);
    name[4] = 'e';
    edit_expect(&edit, STATUS_INVALID, "/vms/vm0/image", "", "is there twice; remove one");

    edit_add(&edit, "/vms", "vm1");
    name = (char *)(uintptr_t)fdt_get_name(edit.blob, fdt_path_offset(edit.blob, "/vms/vm1"), NULL);
    name[2] = '0';
    edit_expect(&edit, STATUS_INVALID, "/vms/vm0", "id", "is missing; add it");

    edit_add(&edit, "/servers", "consolf");
    name = (char *)(uintptr_t)fdt_get_name(edit.blob,
                                           fdt_path_offset(edit.blob, "/servers/consolf"), NULL);
    name[6] = 'e';
    edit_expect(&edit, STATUS_EXISTS, "/servers/console", "", "is there twice; remove one");
}

static void test_control_characters_do_not_reach_the_terminal(void **state) {
    (void)state;
    edit_add(&edit, "/", "\033[2J\xff");
    edit_expect(&edit, STATUS_INVALID, "/?[2J?", "",
                "is a node that is unknown there; remove it or correct its name (there are: host, "
                "servers, vms)");
}

static void test_a_path_that_is_too_long_is_cut(void **state) {
    (void)state;
    char name[201] = "";
    memset(name, 'x', sizeof(name) - 1);
    edit_add(&edit, "/host", name);
    assert_int_equal(edit_parse(&edit), STATUS_INVALID);
    assert_memory_equal(edit.error.node, "(node xxxxxxxxxxxx", 18);
    assert_int_equal(strlen(edit.error.node), sizeof(edit.error.node) - 1);
    assert_non_null(strstr(edit.error.text, ": is a node that is unknown there;"));
}

static void test_the_form_and_the_architecture_are_checked_first(void **state) {
    (void)state;
    edit_remove(&edit, "/servers");
    edit_drop(&edit, "/", "compatible");
    edit_expect(&edit, STATUS_INVALID, "/", "compatible", "is missing; add it");
    edit_text(&edit, "/", "compatible", "exeunt,manifest-2");
    edit_text(&edit, "/", "new-in-version-2", "x");
    edit_expect(&edit, STATUS_UNSUPPORTED, "/", "compatible",
                "is \"exeunt,manifest-2\"; this hypervisor reads \"exeunt,manifest-1\"");
    edit_text(&edit, "/", "architecture", "aarch64");
    edit_expect(&edit, STATUS_UNSUPPORTED, "/", "architecture",
                "is \"aarch64\", but this is riscv64; take a manifest made for it");
    // An architecture that the library doesn't know yet.
    edit_text(&edit, "/", "architecture", "vax");
    assert_int_equal(manifest_parse(edit.blob, EDIT_SIZE, "vax", &edit.manifest, &edit.error),
                     STATUS_UNSUPPORTED);
}

static void test_the_root_holds_all_it_must(void **state) {
    (void)state;
    edit_drop(&edit, "/", "object-memory");
    edit_expect(&edit, STATUS_INVALID, "/", "object-memory", "is missing; add it");
    EDIT_CELLS(&edit, "/", "object-memory", 0, 0x400800);
    edit_expect(&edit, STATUS_INVALID, "/", "object-memory",
                "is 0x400800; choose a multiple of 0x1000, whole pages");
    EDIT_CELLS(&edit, "/", "object-memory", 0);
    edit_expect(&edit, STATUS_INVALID, "/", "object-memory",
                "is 0; choose one from 4096 to 67108864");
    EDIT_CELLS(&edit, "/", "object-memory", 1, 2, 3);
    edit_expect(&edit, STATUS_INVALID, "/", "object-memory",
                "has 12 bytes; write one number, of one or two cells: <...>");
    edit_text(&edit, "/", "console", "consol");
    edit_expect(&edit, STATUS_INVALID, "/", "console",
                "names the server `consol`, which /servers doesn't have; add it there or name one "
                "of console, fs-loader, sbi-server, npf-pager, timer-server, monitor");
    edit_drop(&edit, "/", "console");
    edit_expect(&edit, STATUS_INVALID, "/", "console", "is missing; add it");
    edit_text(&edit, "/", "object-memmory", "");
    edit_expect(&edit, STATUS_INVALID, "/", "object-memmory",
                "is unknown here; remove it or correct its name (there are: compatible, "
                "architecture, object-memory, console)");
    EDIT_CELLS(&edit, "/", "#size-cells", 1);
    edit_expect(&edit, STATUS_INVALID, "/", "#size-cells", "is 1; choose one from 2 to 2");
}

static void test_each_of_the_three_nodes_is_needed(void **state) {
    (void)state;
    static const char *const nodes[] = {"host", "servers", "vms"};
    for (unsigned i = 0; i < 3; i++) {
        char path[16], text[40];
        snprintf(path, sizeof(path), "/%s", nodes[i]);
        snprintf(text, sizeof(text), "has no node `%s`; add it", nodes[i]);
        edit_remove(&edit, path);
        edit_expect(&edit, STATUS_INVALID, "/", "", text);
    }
}

static void test_host_devices_are_checked(void **state) {
    (void)state;
    edit_remove(&edit, "/host/reset@100000");
    edit_expect(&edit, STATUS_INVALID, "/host", "", "has no node `reset@`; add it");
    edit_text(&edit, "/host/reset@100000", "compatible", "syscon");
    edit_expect(&edit, STATUS_INVALID, "/host/reset@100000", "compatible",
                "is \"syscon\"; write one of \"sifive,test0\"");
    edit_reg(&edit, "/host/reset@100000", 0x100000, 0x100);
    edit_expect(&edit, STATUS_INVALID, "/host/reset@100000", "reg",
                "is 0x100 bytes at 0x100000; choose multiples of 0x1000 for both");
    edit_add(&edit, "/host", "reset@200000");
    edit_expect(&edit, STATUS_INVALID, "/host/reset@100000", "", "is there twice; remove one");
    edit_remove(&edit, "/host/reset@100000");
    edit_add(&edit, "/host", "reset");
    edit_expect(&edit, STATUS_INVALID, "/host/reset", "",
                "is a node that is unknown there; remove it or correct its name (there are: "
                "interrupt-controller@, reset@)");
    edit_text(&edit, "/host/interrupt-controller@c000000", "compatible", "arm,gic-v3");
    edit_expect(&edit, STATUS_INVALID, "/host/interrupt-controller@c000000", "compatible",
                "is \"arm,gic-v3\"; write one of \"riscv,plic0\"");
    edit_drop(&edit, "/host/interrupt-controller@c000000", "context");
    edit_expect(&edit, STATUS_INVALID, "/host/interrupt-controller@c000000", "context",
                "is missing; add it");
    edit_reg(&edit, "/host/interrupt-controller@c000000", 0xc000000, 0x4000000);
    edit_expect_good(&edit);
    edit_text(&edit, "/host", "reg", "");
    edit_expect(&edit, STATUS_INVALID, "/host", "reg",
                "is unknown here; remove it or correct its name (this node has none)");
}

static void test_a_machine_without_interrupts_needs_no_controller(void **state) {
    (void)state;
    edit_remove(&edit, "/host/interrupt-controller@c000000");
    edit_drop(&edit, "/servers/console", "interrupt-lines");
    edit_drop(&edit, "/servers/monitor", "interrupt-lines");
    edit_expect_good(&edit);
    assert_false(edit.manifest.interrupt_controller.present);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_is_no_device_tree_is_refused, reset),
        cmocka_unit_test_setup(test_other_versions_of_the_format_are_refused, reset),
        cmocka_unit_test_setup(test_a_manifest_cut_short_anywhere_is_refused, reset),
        cmocka_unit_test_setup(test_a_broken_structure_is_refused, reset),
        cmocka_unit_test_setup(test_a_tree_without_a_root_is_refused, reset),
        cmocka_unit_test_setup(test_an_enormous_manifest_is_refused, reset),
        cmocka_unit_test_setup(test_names_that_stand_twice_are_refused, reset),
        cmocka_unit_test_setup(test_control_characters_do_not_reach_the_terminal, reset),
        cmocka_unit_test_setup(test_a_path_that_is_too_long_is_cut, reset),
        cmocka_unit_test_setup(test_the_form_and_the_architecture_are_checked_first, reset),
        cmocka_unit_test_setup(test_the_root_holds_all_it_must, reset),
        cmocka_unit_test_setup(test_each_of_the_three_nodes_is_needed, reset),
        cmocka_unit_test_setup(test_host_devices_are_checked, reset),
        cmocka_unit_test_setup(test_a_machine_without_interrupts_needs_no_controller, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
