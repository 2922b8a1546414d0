// /vms and what is inside of a VM: each wrong one is refused by its message.

#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/manifest/blobs.h"
#include "tests/unit/manifest/edit.h"

#define SERVERS "console, fs-loader, sbi-server, npf-pager, timer-server, monitor"
#define VM "/vms/vm0"

static struct edit edit;

static int reset(void **state) {
    (void)state;
    edit_reset(&edit);
    return 0;
}

static void test_the_wrong_manifests_are_refused_as_they_say(void **state) {
    (void)state;
    static const struct {
        const uint8_t *blob, *end;
        enum status status;
        const char *text;
    } wrong[] = {
        {blob_wrong_exit_missing, blob_wrong_exit_missing_end, STATUS_INVALID,
         "/vms/vm0/exits: property `idle` is missing; add it"},
        {blob_wrong_load_address, blob_wrong_load_address_end, STATUS_RANGE,
         "/vms/vm0/image: property `load-address` is 0x90200000, which is not in the VM's RAM; "
         "choose an address inside one of its memory nodes"},
        {blob_wrong_property_unknown, blob_wrong_property_unknown_end, STATUS_INVALID,
         "/vms/vm0: property `cmdlin` is unknown here; remove it or correct its name (there are: "
         "id, vcpus, console, loader, cmdline, isa, sstc, counters)"},
        {blob_wrong_regions_overlap, blob_wrong_regions_overlap_end, STATUS_INVALID,
         "/vms/vm0/memory@80800000: property `reg` takes 0x80800000-0x817fffff, of which "
         "/vms/vm0/memory@80000000 has 0x80000000-0x80ffffff already; move one of them"},
        {blob_wrong_server_name, blob_wrong_server_name_end, STATUS_INVALID,
         "/vms/vm0/exits: property `hypercall` names the server `sbi-servr`, which /servers "
         "doesn't have; add it there or name one of " SERVERS},
        {blob_wrong_vm_id, blob_wrong_vm_id_end, STATUS_EXISTS,
         "/vms/vm1: property `id` is 0, which /vms/vm0 has already; choose another"},
        {blob_wrong_window_taken, blob_wrong_window_taken_end, STATUS_INVALID,
         "/servers/npf-pager/serial@10000000: property `reg` takes 0x10000000-0x10000fff, of which "
         "/servers/console/uart@10000000 has 0x10000000-0x10000fff already; move one of them"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        enum status status = manifest_parse(wrong[i].blob, (size_t)(wrong[i].end - wrong[i].blob),
                                            "riscv64", &edit.manifest, &edit.error);
        assert_string_equal(edit.error.text, wrong[i].text);
        assert_int_equal(status, wrong[i].status);
    }
}

static void test_there_are_vms_but_not_too_many(void **state) {
    (void)state;
    edit_remove(&edit, VM);
    edit_expect(&edit, STATUS_INVALID, "/vms", "", "has no VMs; add one");
    edit_text(&edit, "/vms", "vm0", "");
    edit_expect(&edit, STATUS_INVALID, "/vms", "vm0",
                "is unknown here; remove it or correct its name (this node has none)");
    edit_load(&edit, blob_five_vms);
    edit_expect(&edit, STATUS_NO_MEMORY, "/vms", "",
                "has more than 4 VMs; remove some, or raise LIMITS_VMS");
    edit_load(&edit, blob_five_vms);
    edit_remove(&edit, "/vms/b");
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.vm_count, MANIFEST_VMS);
    assert_string_equal(edit.manifest.vm[3].name, "e");
    edit_reset(&edit);
    edit_add(&edit, "/vms", "a-name-of-24-characters-");
    edit_expect(&edit, STATUS_INVALID, "/vms/a-name-of-24-characters-", "",
                "has a name of 24 bytes; choose one of 1 to 23");
}

static void test_numbers_are_in_their_ranges(void **state) {
    (void)state;
    edit_drop(&edit, VM, "id");
    edit_expect(&edit, STATUS_INVALID, VM, "id", "is missing; add it");
    EDIT_CELLS(&edit, VM, "id", 256);
    edit_expect(&edit, STATUS_INVALID, VM, "id", "is 256; choose one from 0 to 255");
    edit_drop(&edit, VM, "vcpus");
    edit_expect(&edit, STATUS_INVALID, VM, "vcpus", "is missing; add it");
    EDIT_CELLS(&edit, VM, "vcpus", 0);
    edit_expect(&edit, STATUS_INVALID, VM, "vcpus", "is 0; choose one from 1 to 48");
    EDIT_CELLS(&edit, VM, "vcpus", 48);
    edit_expect_good(&edit);
    EDIT_CELLS(&edit, VM, "vcpus", 49);
    edit_expect(&edit, STATUS_INVALID, VM, "vcpus", "is 49; choose one from 1 to 48");
    EDIT_CELLS(&edit, VM, "sstc", 1);
    edit_expect(&edit, STATUS_INVALID, VM, "sstc",
                "has a value; write `sstc;` for yes, and leave it out for no");
}

static void test_all_vms_together_have_no_more_vcpus_than_one(void **state) {
    (void)state;
    edit_load(&edit, blob_two_vms);
    EDIT_CELLS(&edit, "/vms/a", "vcpus", 20);
    EDIT_CELLS(&edit, "/vms/b", "vcpus", 28);
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.vm[0].vcpus + edit.manifest.vm[1].vcpus, 48);
    EDIT_CELLS(&edit, "/vms/b", "vcpus", 29);
    edit_expect(&edit, STATUS_RANGE, "/vms/b", "vcpus",
                "is 29, but the VMs before it have 20 of the 48 that all can have together on "
                "riscv64; choose fewer, here or there");
    // All that there are, and the third VM still wants one.
    edit_load(&edit, blob_five_vms);
    edit_remove(&edit, "/vms/e");
    EDIT_CELLS(&edit, "/vms/a", "vcpus", 24);
    EDIT_CELLS(&edit, "/vms/b", "vcpus", 24);
    edit_expect(&edit, STATUS_RANGE, "/vms/c", "vcpus",
                "is 1, but the VMs before it have 48 of the 48 that all can have together on "
                "riscv64; choose fewer, here or there");
}

static void test_names_are_servers(void **state) {
    (void)state;
    edit_text(&edit, VM, "console", "uart");
    edit_expect(&edit, STATUS_INVALID, VM, "console",
                "names the server `uart`, which /servers doesn't have; add it there or name one of "
                "" SERVERS);
    edit_text(&edit, VM, "loader", "init");
    edit_expect(&edit, STATUS_INVALID, VM, "loader",
                "names the server `init`, which /servers doesn't have; add it there or name one of "
                "" SERVERS);
    EDIT_LIST(&edit, VM, "loader", "fs-loader\0console");
    edit_expect(&edit, STATUS_INVALID, VM, "loader", "is a list; write one text");
}

static void test_all_exits_are_routed(void **state) {
    (void)state;
    static const char *const classes[] = {"hypercall", "stage2", "timer",
                                          "idle",      "sysreg", "shutdown"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        edit_drop(&edit, VM "/exits", classes[i]);
        edit_expect(&edit, STATUS_INVALID, VM "/exits", classes[i], "is missing; add it");
        edit_text(&edit, VM "/exits", classes[i], "nobody");
        edit_expect(&edit, STATUS_INVALID, VM "/exits", classes[i],
                    "names the server `nobody`, which /servers doesn't have; add it there or name "
                    "one of " SERVERS);
    }
    edit_text(&edit, VM "/exits", "io", "sbi-server");
    edit_expect(&edit, STATUS_INVALID, VM "/exits", "io",
                "routes exits that riscv64 doesn't have; remove it");
    edit_text(&edit, VM "/exits", "window", "sbi-server");
    edit_expect(&edit, STATUS_INVALID, VM "/exits", "window",
                "routes exits that riscv64 doesn't have; remove it");
    edit_text(&edit, VM "/exits", "hypercal", "sbi-server");
    edit_expect(&edit, STATUS_INVALID, VM "/exits", "hypercal",
                "is unknown here; remove it or correct its name (there are: hypercall, stage2, "
                "timer, idle, sysreg, io, window, shutdown)");
    edit_remove(&edit, VM "/exits");
    edit_expect(&edit, STATUS_INVALID, VM, "", "has no node `exits`; add it");
}

static void test_access_names_servers_and_rights(void **state) {
    (void)state;
    edit_text(&edit, VM "/access", "sbi-servr", "rw");
    edit_expect(&edit, STATUS_INVALID, VM "/access", "sbi-servr",
                "is unknown here; remove it or correct its name (there are: " SERVERS ")");
    edit_text(&edit, VM "/access", "sbi-server", "rwx");
    edit_expect(&edit, STATUS_INVALID, VM "/access", "sbi-server",
                "is \"rwx\"; write one of \"r\", \"rw\"");
    edit_bytes(&edit, VM "/access", "sbi-server", NULL, 0);
    edit_expect(&edit, STATUS_INVALID, VM "/access", "sbi-server",
                "is not a printable text; write it in quotes: \"...\"");
}

static void test_the_image_is_a_file_that_goes_into_ram(void **state) {
    (void)state;
    const char *node = VM "/image";
    edit_remove(&edit, node);
    edit_expect(&edit, STATUS_INVALID, VM, "", "has no node `image`; add it");
    const char *either = "needs either `path` (a file of the file system) or `built-in` (a file of "
                         "the boot bundle); write one of them";
    edit_drop(&edit, node, "path");
    edit_expect(&edit, STATUS_INVALID, node, "", either);
    edit_text(&edit, node, "built-in", "gkernel.bin");
    edit_expect(&edit, STATUS_INVALID, node, "", either);
    edit_text(&edit, node, "path", "sbin/gkernel");
    edit_expect(&edit, STATUS_INVALID, node, "path",
                "is \"sbin/gkernel\", which is not absolute; begin it with a /");
    edit_drop(&edit, node, "load-address");
    edit_expect(&edit, STATUS_INVALID, node, "load-address", "is missing; add it");
    EDIT_CELLS(&edit, node, "load-address", 0x80200010);
    edit_expect(&edit, STATUS_INVALID, node, "load-address",
                "is 0x80200010; choose a multiple of 0x1000");
    const char *outside = "is 0x81000000, which is not in the VM's RAM; choose an address inside "
                          "one of its memory nodes";
    EDIT_CELLS(&edit, node, "load-address", 0x81000000);
    edit_expect(&edit, STATUS_RANGE, node, "load-address", outside);
    EDIT_CELLS(&edit, node, "entry", 0x81000000);
    edit_expect(&edit, STATUS_RANGE, node, "entry", outside);
    EDIT_CELLS(&edit, node, "load-address", 0x7ffff000);
    edit_expect(&edit, STATUS_RANGE, node, "load-address",
                "is 0x7ffff000, which is not in the VM's RAM; choose an address inside one of its "
                "memory nodes");
    EDIT_CELLS(&edit, node, "load-address", 0x80fff000);
    EDIT_CELLS(&edit, node, "entry", 0x80ffffff);
    edit_expect_good(&edit);
}

static void test_other_files_are_checked_too(void **state) {
    (void)state;
    static const char *const names[] = {"initrd", "device-tree"};
    for (unsigned i = 0; i < 2; i++) {
        char path[32];
        snprintf(path, sizeof(path), VM "/%s", names[i]);
        edit_add(&edit, VM, names[i]);
        edit_expect(&edit, STATUS_INVALID, path, "",
                    "needs either `path` (a file of the file system) or `built-in` (a file of the "
                    "boot bundle); write one of them");
        edit_add(&edit, VM, names[i]);
        edit_text(&edit, path, "path", "x");
        edit_expect(&edit, STATUS_INVALID, path, "path",
                    "is \"x\", which is not absolute; begin it with a /");
        edit_add(&edit, VM, names[i]);
        edit_text(&edit, path, "path", "/x");
        EDIT_CELLS(&edit, path, "load-address", 0x80200000);
        edit_expect(&edit, STATUS_INVALID, path, "load-address",
                    "is unknown here; remove it or correct its name (there are: path, built-in)");
    }
    char long_path[FS_PATH + 1] = "/";
    memset(long_path + 1, 'x', FS_PATH - 1);
    edit_text(&edit, VM "/image", "path", long_path);
    edit_expect(&edit, STATUS_INVALID, VM "/image", "path",
                "is 128 bytes long; at most 127 are possible");
}

static void test_files_need_a_loader_that_can_write(void **state) {
    (void)state;
    const char *missing =
        "is missing, but a file of the file system is to be read; name the server "
        "that reads it";
    edit_drop(&edit, VM, "loader");
    edit_expect(&edit, STATUS_INVALID, VM, "loader", missing);
    edit_drop(&edit, VM "/image", "path");
    edit_text(&edit, VM "/image", "built-in", "gkernel.bin");
    edit_expect(&edit, STATUS_INVALID, VM, "loader",
                "names a server, but all files are built in; remove it");
    // The image is built in, the initial RAM disk is not.
    edit_drop(&edit, VM "/image", "path");
    edit_text(&edit, VM "/image", "built-in", "gkernel.bin");
    edit_add(&edit, VM, "initrd");
    edit_text(&edit, VM "/initrd", "path", "/boot/initrd");
    edit_drop(&edit, VM, "loader");
    edit_expect(&edit, STATUS_INVALID, VM, "loader", missing);
    edit_text(&edit, VM "/access", "fs-loader", "r");
    edit_expect(&edit, STATUS_DENIED, VM, "loader",
                "names `fs-loader`, which can't write the guest's RAM; write `fs-loader = \"rw\";` "
                "in the node `access`");
    edit_remove(&edit, VM "/access");
    edit_expect(&edit, STATUS_DENIED, VM, "loader",
                "names `fs-loader`, which can't write the guest's RAM; write `fs-loader = \"rw\";` "
                "in the node `access`");
}

static void test_texts_for_the_guest_are_checked(void **state) {
    (void)state;
    char text[MANIFEST_CMDLINE + 1] = "";
    memset(text, 'x', MANIFEST_CMDLINE);
    edit_text(&edit, VM, "cmdline", text);
    edit_expect(&edit, STATUS_INVALID, VM, "cmdline",
                "is 1024 bytes long; at most 1023 are possible");
    edit_text(&edit, VM, "cmdline", text + 1);
    edit_expect_good(&edit);
    edit_reset(&edit);
    EDIT_CELLS(&edit, VM, "cmdline", 5);
    edit_expect(&edit, STATUS_INVALID, VM, "cmdline",
                "is not a printable text; write it in quotes: \"...\"");
    static const char *const isas[] = {"rv32imac", "rv64GC", "rv64", "rv64mac", "rv64i m"};
    for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++) {
        char wrong[128];
        snprintf(wrong, sizeof(wrong),
                 "is \"%s\"; write it like rv64i..., in lower-case letters, digits and _", isas[i]);
        edit_text(&edit, VM, "isa", isas[i]);
        edit_expect(&edit, STATUS_INVALID, VM, "isa", wrong);
    }
    edit_text(&edit, VM, "isa", "rv64g");
    edit_expect_good(&edit);
}

static void test_ids_and_names_are_unique(void **state) {
    (void)state;
    edit_load(&edit, blob_two_vms);
    EDIT_CELLS(&edit, "/vms/b", "id", 0);
    edit_expect(&edit, STATUS_EXISTS, "/vms/b", "id",
                "is 0, which /vms/a has already; choose another");
    // dtc would not let this pass.
    edit_load(&edit, blob_two_vms);
    int node = fdt_path_offset(edit.blob, "/vms/b");
    *(char *)(uintptr_t)fdt_get_name(edit.blob, node, NULL) = 'a';
    edit_expect(&edit, STATUS_EXISTS, "/vms/a", "", "is there twice; remove one");
    // It would have the same name as `a`.
    edit_load(&edit, blob_two_vms);
    edit_add(&edit, "/vms", "a@1");
    edit_expect(&edit, STATUS_INVALID, "/vms/a@1", "",
                "is a VM, which has no address; call it `a`");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_wrong_manifests_are_refused_as_they_say, reset),
        cmocka_unit_test_setup(test_there_are_vms_but_not_too_many, reset),
        cmocka_unit_test_setup(test_numbers_are_in_their_ranges, reset),
        cmocka_unit_test_setup(test_all_vms_together_have_no_more_vcpus_than_one, reset),
        cmocka_unit_test_setup(test_names_are_servers, reset),
        cmocka_unit_test_setup(test_all_exits_are_routed, reset),
        cmocka_unit_test_setup(test_access_names_servers_and_rights, reset),
        cmocka_unit_test_setup(test_the_image_is_a_file_that_goes_into_ram, reset),
        cmocka_unit_test_setup(test_other_files_are_checked_too, reset),
        cmocka_unit_test_setup(test_files_need_a_loader_that_can_write, reset),
        cmocka_unit_test_setup(test_texts_for_the_guest_are_checked, reset),
        cmocka_unit_test_setup(test_ids_and_names_are_unique, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
