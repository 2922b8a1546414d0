// The manifests of the tree become exactly the structs that their sources describe.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "libs/manifest/manifest.h"
#include "tests/unit/manifest/blobs.h"
#include "tests/unit/manifest/edit.h"

enum { CONSOLE, FS_LOADER, SBI_SERVER, NPF_PAGER, TIMER_SERVER, MONITOR, SERVERS };

#define RW (RIGHT_R | RIGHT_W)
#define INIT (1u << MANIFEST_INIT)

// guest/manifests/machine-riscv64.dtsi, and the VM of default-riscv64.dts.
static const struct manifest wanted =
    {.object_memory = 0x400000,
     .console = CONSOLE,
     .interrupt_controller = {.present = true, .host = {0xc000000, 0x600000}, .context = 1},
     .reset = {0x100000, 0x1000},
     .server_count = SERVERS,
     .server =
         {
             [CONSOLE] = {.name = "console",
                          .image = "console.elf",
                          .deadline_ms = 1000,
                          .state_size = 4096,
                          .calls = INIT,
                          .window_count = 1,
                          .window = {{"uart", {0x10000000, 0x1000}, RW, "ns16550a", 0}},
                          .interrupt_count = 1,
                          .interrupt = {10}},
             [FS_LOADER] = {.name = "fs-loader",
                            .image = "fs-loader.elf",
                            .deadline_ms = 60000,
                            .state_size = 4096,
                            .dma_size = 0x5000,
                            .calls = INIT,
                            .window_count = 1,
                            .window = {{"virtio", {0x10002000, 0x7000}, RW, "", 0}}},
             [SBI_SERVER] = {.name = "sbi-server",
                             .image = "sbi-server.elf",
                             .deadline_ms = 100,
                             .state_size = 8192,
                             .calls = INIT | 1u << CONSOLE},
             [NPF_PAGER] = {.name = "npf-pager",
                            .image = "npf-pager.elf",
                            .deadline_ms = 100,
                            .state_size = 4096,
                            .calls = INIT,
                            .guest_access = true,
                            .emulates_count = 1,
                            .emulates = {"google,goldfish-rtc"}},
             [TIMER_SERVER] = {.name = "timer-server",
                               .image = "timer-server.elf",
                               .deadline_ms = 100,
                               .state_size = 4096,
                               .calls = INIT},
             [MONITOR] = {.name = "monitor",
                          .image = "monitor.elf",
                          .deadline_ms = 5000,
                          .state_size = 4096,
                          .dma_size = 0x5000,
                          .calls = INIT | 1u << CONSOLE | 1u << FS_LOADER,
                          .monitor = true,
                          .window_count = 1,
                          .window = {{"virtio", {0x10001000, 0x1000}, RW, "", 0}},
                          .interrupt_count = 1,
                          .interrupt = {1}},
         },
     .vm_count = 1,
     .vm = {{
         .name = "vm0",
         .vcpus = 1,
         .exit = {SBI_SERVER, NPF_PAGER, TIMER_SERVER, TIMER_SERVER, SBI_SERVER, MANIFEST_NONE,
                  MANIFEST_NONE, SBI_SERVER},
         .access = {[FS_LOADER] = RW, [SBI_SERVER] = RW},
         .console = CONSOLE,
         .loader = FS_LOADER,
         .image = {MANIFEST_SOURCE_PATH, "/sbin/gkernel"},
         .load_address = 0x80200000,
         .memory_count = 1,
         .memory = {{{0x80000000, 0x1000000}, MANIFEST_POPULATE_START, 0x200000}},
         .passthrough_count = 1,
         .passthrough = {{"pflash", {0x22000000, 0x2000000}, 0x22000000, RIGHT_R, "mtd-rom", 4}},
         .device_count = 1,
         .device = {{"rtc", "google,goldfish-rtc", {0x101000, 0x1000}, {0, 0}, 0, 0, NPF_PAGER}},
     }}};

static struct manifest manifest;
static struct manifest_error error;

static void parse(const uint8_t *blob, size_t size) {
    // What was there before must not shine through.
    memset(&manifest, 0xa5, sizeof(manifest));
    if (manifest_parse(blob, size, "riscv64", &manifest, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    assert_string_equal(error.text, "");
}

// A text with nothing left of a longer one behind it.
#define PUT(field, text) strncpy(field, text, sizeof(field))

#define PARSE(name) parse(blob_##name, BLOB_SIZE(name))

// Names what differs; a memcmp of the whole would not. Paddings are zero on both sides.
static void expect_same_vm(const struct manifest_vm *a, const struct manifest_vm *b) {
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->id, b->id);
    assert_memory_equal(a->exit, b->exit, sizeof(a->exit));
    assert_memory_equal(a->access, b->access, sizeof(a->access));
    assert_memory_equal(a->memory, b->memory, sizeof(a->memory));
    assert_memory_equal(a->passthrough, b->passthrough, sizeof(a->passthrough));
    assert_memory_equal(a->device, b->device, sizeof(a->device));
    assert_memory_equal(a, b, sizeof(*a));
}

static void test_the_default_manifest_becomes_its_struct(void **state) {
    (void)state;
    PARSE(default);
    for (unsigned i = 0; i < SERVERS; i++) {
        assert_string_equal(manifest.server[i].name, wanted.server[i].name);
        assert_memory_equal(&manifest.server[i], &wanted.server[i], sizeof(wanted.server[i]));
    }
    expect_same_vm(&manifest.vm[0], &wanted.vm[0]);
    assert_memory_equal(&manifest, &wanted, sizeof(manifest));
}

static void test_the_bench_manifest_becomes_its_struct(void **state) {
    (void)state;
    PARSE(bench);
    struct manifest_vm vm = wanted.vm[0];
    vm.features = VCPU_FEATURE_COUNTERS;
    PUT(vm.image.path, "/sbin/bench");
    vm.memory_count = 2;
    vm.memory[0] =
        (struct manifest_memory){{0x80000000, 0x800000}, MANIFEST_POPULATE_START, 0x200000};
    vm.memory[1] = (struct manifest_memory){{0x80800000, 0x800000}, MANIFEST_POPULATE_DEMAND, 4096};
    vm.passthrough_count = 0;
    memset(vm.passthrough, 0, sizeof(vm.passthrough));
    assert_int_equal(manifest.vm_count, 1);
    expect_same_vm(&manifest.vm[0], &vm);
}

static void test_the_linux_manifests_differ_in_the_timer(void **state) {
    (void)state;
    struct manifest_vm vm = wanted.vm[0];
    vm.features = VCPU_FEATURE_TIMER;
    PUT(vm.cmdline, "earlycon=sbi keep_bootcon");
    PUT(vm.image.path, "/boot/Image");
    vm.initrd = (struct manifest_file){MANIFEST_SOURCE_PATH, "/boot/initrd"};
    vm.memory[0] =
        (struct manifest_memory){{0x80000000, 0x10000000}, MANIFEST_POPULATE_DEMAND, 0x200000};
    vm.passthrough_count = 0;
    memset(vm.passthrough, 0, sizeof(vm.passthrough));
    PARSE(linux_sstc);
    assert_int_equal(manifest.vm_count, 1);
    expect_same_vm(&manifest.vm[0], &vm);
    PARSE(linux_nosstc);
    assert_int_equal(manifest.vm_count, 1);
    vm.features = 0;
    expect_same_vm(&manifest.vm[0], &vm);
}

static void test_two_vms_are_equal_but_for_name_and_id(void **state) {
    (void)state;
    PARSE(two_vms);
    assert_int_equal(manifest.vm_count, 2);
    struct manifest_vm vm = wanted.vm[0];
    PUT(vm.name, "a");
    expect_same_vm(&manifest.vm[0], &vm);
    PUT(vm.name, "b");
    vm.id = 1;
    expect_same_vm(&manifest.vm[1], &vm);
}

// What the tree's manifests don't use, all of it in one.
static void test_everything_a_vm_can_have(void **state) {
    (void)state;
    static struct edit edit;
    edit_reset(&edit);
    edit_bytes(&edit, "/vms/vm0", "sstc", NULL, 0);
    edit_bytes(&edit, "/vms/vm0", "counters", NULL, 0);
    edit_text(&edit, "/vms/vm0", "isa", "rv64imac_zicsr");
    edit_text(&edit, "/vms/vm0", "cmdline", "a b=c");
    edit_drop(&edit, "/vms/vm0", "console");
    EDIT_CELLS(&edit, "/vms/vm0", "vcpus", 48);
    EDIT_CELLS(&edit, "/vms/vm0", "id", 255);
    EDIT_CELLS(&edit, "/vms/vm0/image", "entry", 0, 0x80200040);
    EDIT_CELLS(&edit, "/vms/vm0/image", "load-address", 0x80300000);
    edit_add(&edit, "/vms/vm0", "initrd");
    edit_text(&edit, "/vms/vm0/initrd", "path", "/boot/rd");
    edit_add(&edit, "/vms/vm0", "device-tree");
    edit_text(&edit, "/vms/vm0/device-tree", "built-in", "guest.dtb");
    edit_add(&edit, "/vms/vm0", "memory@10000000000"); // the upper half of what Sv39x4 can say
    edit_reg(&edit, "/vms/vm0/memory@10000000000", 1ull << 40, 1ull << 40);
    edit_text(&edit, "/vms/vm0/memory@10000000000", "populate", "demand");
    edit_add(&edit, "/vms/vm0", "memory@70001000");
    edit_reg(&edit, "/vms/vm0/memory@70001000", 0x70001000, 0x200000);
    edit_text(&edit, "/vms/vm0/memory@70001000", "populate", "demand");
    edit_add(&edit, "/vms/vm0", "reserved-memory");
    edit_add(&edit, "/vms/vm0/reserved-memory", "mailbox@80fff000");
    edit_reg(&edit, "/vms/vm0/reserved-memory/mailbox@80fff000", 0x80fff000, 0x1000);
    edit_bytes(&edit, "/vms/vm0/reserved-memory/mailbox@80fff000", "no-map", NULL, 0);
    edit_drop(&edit, "/vms/vm0/passthrough/pflash@22000000", "compatible");
    edit_drop(&edit, "/vms/vm0/passthrough/pflash@22000000", "bank-width");
    edit_text(&edit, "/vms/vm0/passthrough/pflash@22000000", "rights", "rwx");
    edit_text(&edit, "/vms/vm0/access", "npf-pager", "r");
    edit_expect_good(&edit);

    struct manifest_vm vm = wanted.vm[0];
    vm.features = VCPU_FEATURE_TIMER | VCPU_FEATURE_COUNTERS;
    PUT(vm.isa, "rv64imac_zicsr");
    PUT(vm.cmdline, "a b=c");
    vm.vcpus = 48;
    vm.id = 255;
    vm.entry_given = true;
    vm.entry = 0x80200040;
    vm.load_address = 0x80300000;
    vm.initrd = (struct manifest_file){MANIFEST_SOURCE_PATH, "/boot/rd"};
    vm.device_tree = (struct manifest_file){MANIFEST_SOURCE_BUILTIN, "guest.dtb"};
    vm.memory_count = 3;
    vm.memory[0] = (struct manifest_memory){{0x70001000, 0x200000}, MANIFEST_POPULATE_DEMAND, 4096};
    vm.memory[1] = wanted.vm[0].memory[0];
    vm.memory[2] =
        (struct manifest_memory){{1ull << 40, 1ull << 40}, MANIFEST_POPULATE_DEMAND, 0x200000};
    vm.reserved_count = 1;
    vm.reserved[0] = (struct manifest_reserved){"mailbox", {0x80fff000, 0x1000}, true};
    vm.passthrough[0] = (struct manifest_passthrough){
        "pflash", {0x22000000, 0x2000000}, 0x22000000, RW | RIGHT_X, "", 0};
    vm.access[NPF_PAGER] = RIGHT_R;
    expect_same_vm(&edit.manifest.vm[0], &vm);
}

static void test_files_can_all_be_built_in(void **state) {
    (void)state;
    static struct edit edit;
    edit_reset(&edit);
    edit_drop(&edit, "/vms/vm0/image", "path");
    edit_text(&edit, "/vms/vm0/image", "built-in", "gkernel.bin");
    edit_drop(&edit, "/vms/vm0", "loader");
    edit_remove(&edit, "/vms/vm0/access");
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.vm[0].image.source, MANIFEST_SOURCE_BUILTIN);
    assert_string_equal(edit.manifest.vm[0].image.path, "gkernel.bin");
    assert_int_equal(edit.manifest.vm[0].loader, MANIFEST_NONE);
}

static void test_servers_are_found_by_name(void **state) {
    (void)state;
    PARSE(default);
    assert_int_equal(manifest_find_server(&manifest, "npf-pager"), NPF_PAGER);
    assert_int_equal(manifest_find_server(&manifest, "npf"), MANIFEST_NONE);
    assert_int_equal(manifest_find_server(&manifest, ""), MANIFEST_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_default_manifest_becomes_its_struct),
        cmocka_unit_test(test_the_bench_manifest_becomes_its_struct),
        cmocka_unit_test(test_the_linux_manifests_differ_in_the_timer),
        cmocka_unit_test(test_two_vms_are_equal_but_for_name_and_id),
        cmocka_unit_test(test_everything_a_vm_can_have),
        cmocka_unit_test(test_files_can_all_be_built_in),
        cmocka_unit_test(test_servers_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
