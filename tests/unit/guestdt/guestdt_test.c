// The guest's device tree holds what the VM has, where Linux's bindings want it. It is read back
// with libfdt's reading half, and by dtc, which has checks of its own.

#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "libs/guestdt/guestdt.h"
#include "tests/unit/manifest/blobs.h"

#define HOST_ISA "rv64imafdch_zicsr_zifencei_zihintpause_zba_zbb_zbc_zbs_sstc"

static struct manifest manifest;
static struct guestdt_params params;
static _Alignas(8) uint8_t tree[0x20000];
static size_t used;

static struct manifest_vm *vm = &manifest.vm[0];

static void load(const uint8_t *blob, size_t size) {
    struct manifest_error error;
    if (manifest_parse(blob, size, "riscv64", &manifest, &error) != STATUS_OK)
        fail_msg("%s", error.text);
}

static int reset(void **state) {
    (void)state;
    load(blob_default, BLOB_SIZE(default));
    params = (struct guestdt_params){.timebase = 10000000, .isa = HOST_ISA, .mmu = "riscv,sv48"};
    return 0;
}

static void make(void) {
    memset(tree, 0xa5, sizeof(tree)); // nothing of the tree before shines through
    used = 0;
    assert_int_equal(guestdt_make(vm, &params, tree, sizeof(tree), &used), STATUS_OK);
    assert_int_equal(fdt_check_full(tree, used), 0);
    assert_int_equal(fdt_totalsize(tree), used);
}

static int node_at(const char *path) {
    int node = fdt_path_offset(tree, path);
    if (node < 0)
        fail_msg("no node %s", path);
    return node;
}

static const void *value(const char *path, const char *property, int size) {
    int length = 0;
    const void *bytes = fdt_getprop(tree, node_at(path), property, &length);
    if (bytes == NULL)
        fail_msg("%s has no %s", path, property);
    if (length != size)
        fail_msg("%s of %s has %d bytes", property, path, length);
    return bytes;
}

static void expect_text(const char *path, const char *property, const char *text) {
    assert_string_equal(value(path, property, (int)strlen(text) + 1), text);
}

static void expect_u32(const char *path, const char *property, uint32_t number) {
    assert_int_equal(fdt32_ld(value(path, property, 4)), number);
}

static void expect_u64(const char *path, const char *property, uint64_t number) {
    assert_int_equal(fdt64_ld(value(path, property, 8)), number);
}

static void expect_reg(const char *path, uint64_t address, uint64_t size) {
    const fdt64_t *reg = value(path, "reg", 16);
    assert_int_equal(fdt64_ld(&reg[0]), address);
    assert_int_equal(fdt64_ld(&reg[1]), size);
}

static void expect_flag(const char *path, const char *property) { value(path, property, 0); }

static void expect_no(const char *path, const char *property) {
    assert_null(fdt_getprop(tree, node_at(path), property, NULL));
}

static void expect_no_node(const char *path) { assert_true(fdt_path_offset(tree, path) < 0); }

// The ISA in both forms; EXTENSIONS with a space between them.
static void expect_isa(const char *string, const char *extensions) {
    expect_text("/cpus/cpu@0", "riscv,isa", string);
    expect_text("/cpus/cpu@0", "riscv,isa-base", "rv64i");
    char list[512] = "";
    int length = 0;
    const char *found = fdt_getprop(tree, node_at("/cpus/cpu@0"), "riscv,isa-extensions", &length);
    assert_non_null(found);
    assert_in_range(length, 1, sizeof(list) - 1);
    for (int at = 0; at < length; at++)
        list[at] = found[at] == '\0' ? ' ' : found[at];
    list[length - 1] = '\0';
    assert_string_equal(list, extensions);
}

static void test_the_default_vm(void **state) {
    (void)state;
    make();
    expect_text("/", "compatible", "exeunt,vm-riscv64");
    expect_text("/", "model", "Exeunt virtual machine");
    expect_u32("/", "#address-cells", 2);
    expect_u32("/", "#size-cells", 2);
    expect_u32("/cpus", "#address-cells", 1);
    expect_u32("/cpus", "#size-cells", 0);
    expect_u32("/cpus", "timebase-frequency", 10000000);
    expect_text("/cpus/cpu@0", "device_type", "cpu");
    expect_u32("/cpus/cpu@0", "reg", 0);
    expect_text("/cpus/cpu@0", "status", "okay");
    expect_text("/cpus/cpu@0", "compatible", "riscv");
    expect_text("/cpus/cpu@0", "mmu-type", "riscv,sv48");
    expect_u32("/cpus/cpu@0/interrupt-controller", "#interrupt-cells", 1);
    expect_flag("/cpus/cpu@0/interrupt-controller", "interrupt-controller");
    expect_text("/cpus/cpu@0/interrupt-controller", "compatible", "riscv,cpu-intc");
    expect_no_node("/cpus/cpu@1");
    expect_text("/memory@80000000", "device_type", "memory");
    expect_reg("/memory@80000000", 0x80000000, 0x1000000);
    expect_text("/pflash@22000000", "compatible", "mtd-rom");
    expect_reg("/pflash@22000000", 0x22000000, 0x2000000);
    expect_u32("/pflash@22000000", "bank-width", 4);
    expect_text("/rtc@101000", "compatible", "google,goldfish-rtc");
    expect_reg("/rtc@101000", 0x101000, 0x1000);
    expect_no("/rtc@101000", "interrupts");
    expect_no_node("/reserved-memory");
    expect_no("/chosen", "bootargs");
    expect_no("/chosen", "linux,initrd-start");
    expect_no("/chosen", "stdout-path");
}

static void test_chosen_holds_the_command_line_and_the_initrd(void **state) {
    (void)state;
    strcpy(vm->cmdline, "earlycon=sbi keep_bootcon");
    params.initrd = (struct manifest_range){0x1fff000000, 0x123457};
    make();
    expect_text("/chosen", "bootargs", "earlycon=sbi keep_bootcon");
    expect_u64("/chosen", "linux,initrd-start", 0x1fff000000);
    expect_u64("/chosen", "linux,initrd-end", 0x1fff123457);
}

static void test_chosen_holds_the_seed(void **state) {
    (void)state;
    make();
    expect_no("/chosen", "rng-seed");
    static const uint8_t seed[32] = {0, 1, 2, [31] = 0xff};
    params.seed = seed;
    params.seed_size = sizeof(seed);
    make();
    assert_memory_equal(value("/chosen", "rng-seed", sizeof(seed)), seed, sizeof(seed));
}

static void test_regions_that_touch_are_one_to_the_guest(void **state) {
    (void)state;
    load(blob_bench, BLOB_SIZE(bench));
    make();
    expect_reg("/memory@80000000", 0x80000000, 0x1000000);
    expect_no_node("/memory@80800000");

    vm->memory[2] = vm->memory[1];
    vm->memory[2].guest.address = 0x90000000;
    vm->memory_count = 3;
    make();
    expect_reg("/memory@80000000", 0x80000000, 0x1000000);
    expect_reg("/memory@90000000", 0x90000000, 0x800000);
}

static void test_reserved_memory_is_said(void **state) {
    (void)state;
    vm->reserved_count = 2;
    vm->reserved[0] = (struct manifest_reserved){"mailbox", {0x80f00000, 0x1000}, true};
    vm->reserved[1] = (struct manifest_reserved){"trace", {0x80f10000, 0x2000}, false};
    make();
    expect_u32("/reserved-memory", "#address-cells", 2);
    expect_u32("/reserved-memory", "#size-cells", 2);
    expect_flag("/reserved-memory", "ranges");
    expect_reg("/reserved-memory/mailbox@80f00000", 0x80f00000, 0x1000);
    expect_flag("/reserved-memory/mailbox@80f00000", "no-map");
    expect_reg("/reserved-memory/trace@80f10000", 0x80f10000, 0x2000);
    expect_no("/reserved-memory/trace@80f10000", "no-map");
}

static void test_passthrough_without_a_name_is_not_said(void **state) {
    (void)state;
    vm->passthrough[0].compatible[0] = '\0';
    make();
    expect_no_node("/pflash@22000000");
    load(blob_default, BLOB_SIZE(default));
    vm->passthrough[0].bank_width = 0;
    make();
    expect_no("/pflash@22000000", "bank-width");
}

static void test_every_vcpu_has_a_node(void **state) {
    (void)state;
    vm->vcpus = 64;
    params.mmu = NULL;
    make();
    expect_u32("/cpus/cpu@3f", "reg", 63);
    expect_no("/cpus/cpu@3f", "mmu-type");
    expect_text("/cpus/cpu@3f/interrupt-controller", "compatible", "riscv,cpu-intc");
    expect_no_node("/cpus/cpu@40");
}

static void test_the_guest_is_told_what_works_in_it(void **state) {
    (void)state;
    // The hypervisor extension is the host's; Sstc is the guest's when the VM has it.
    make();
    expect_isa("rv64imafdc_zicsr_zifencei_zihintpause_zba_zbb_zbc_zbs",
               "i m a f d c zicsr zifencei zihintpause zba zbb zbc zbs");
    vm->features = VCPU_FEATURE_TIMER;
    make();
    expect_isa("rv64imafdc_zicsr_zifencei_zihintpause_zba_zbb_zbc_zbs_sstc",
               "i m a f d c zicsr zifencei zihintpause zba zbb zbc zbs sstc");
    // What the hypervisor would have to switch on, save or emulate. Newer hosts say all this.
    params.isa = "rv64imafdcvh_zic64b_zicbom_zicboz_zicbop_zicntr_zihpm_zawrs_zfh_zve64d_"
                 "smstateen_ssaia_sscofpmf_sstc_svadu_svinval_svnapot_svpbmt_xventanacondops";
    vm->features = 0;
    make();
    expect_isa("rv64imafdc_zicbop_zfh_svinval_svnapot", "i m a f d c zicbop zfh svinval svnapot");
    vm->features = VCPU_FEATURE_COUNTERS;
    make();
    expect_isa("rv64imafdc_zicbop_zicntr_zfh_svinval_svnapot",
               "i m a f d c zicbop zicntr zfh svinval svnapot");
    // Older hosts have the privilege modes in it.
    params.isa = "rv64imafdcsu";
    make();
    expect_isa("rv64imafdc", "i m a f d c");
    params.isa = "rv64gc";
    make();
    expect_isa("rv64gc", "i m a f d zicsr zifencei c");
}

static void test_the_manifests_isa_stands_as_it_is(void **state) {
    (void)state;
    strcpy(vm->isa, "rv64imav_zawrs_sstc_xfoo");
    make();
    expect_isa("rv64imav_zawrs_xfoo", "i m a v zawrs xfoo");
    vm->features = VCPU_FEATURE_TIMER;
    params.isa = NULL; // not needed then
    make();
    expect_isa("rv64imav_zawrs_xfoo_sstc", "i m a v zawrs xfoo sstc");
}

static void expect_invalid(void) {
    assert_int_equal(guestdt_make(vm, &params, tree, sizeof(tree), &used), STATUS_INVALID);
}

static void test_another_machines_parameters_are_refused(void **state) {
    (void)state;
    static const char *const isas[] = {NULL, "", "rv64", "rv64mac", "rv32imac", "rv128i", "x86-64"};
    for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++) {
        params.isa = isas[i];
        expect_invalid();
    }
    params.isa = HOST_ISA;
    params.timebase = 0;
    expect_invalid();
    params.timebase = 1ull << 32;
    expect_invalid();
    // Longer than anything real: no buffer overflows.
    static char isa[4096] = "rv64";
    memset(isa + 4, 'g', sizeof(isa) - 5);
    reset(NULL);
    params.isa = isa;
    expect_invalid();
    char own[MANIFEST_ISA] = "rv64";
    memset(own + 4, 'g', sizeof(own) - 5); // "g" is seven extensions in the list
    memcpy(vm->isa, own, sizeof(own));
    params.isa = HOST_ISA;
    expect_invalid();
}

// Every size up to the right one, each in a heap block of its own so that the sanitizer sees a byte
// too many.
static void test_a_buffer_that_is_too_small_is_not_overrun(void **state) {
    (void)state;
    strcpy(vm->cmdline, "quiet");
    params.initrd = (struct manifest_range){0x80800000, 0x1000};
    vm->reserved_count = 1;
    vm->reserved[0] = (struct manifest_reserved){"mailbox", {0x80f00000, 0x1000}, true};
    make();
    // libfdt needs some more while it writes than the tree is long in the end.
    size_t whole = used, enough = 0;
    for (size_t size = 0; size < whole + 256; size++) {
        void *buffer = NULL;
        size_t taken = 0;
        assert_int_equal(posix_memalign(&buffer, 8, size == 0 ? 1 : size), 0);
        enum status status = guestdt_make(vm, &params, buffer, size, &taken);
        if (status == STATUS_OK) {
            enough = enough == 0 ? size : enough;
            assert_int_equal(taken, whole);
            assert_memory_equal(buffer, tree, whole);
        } else {
            assert_int_equal(status, STATUS_NO_MEMORY);
            assert_int_equal(enough, 0);
        }
        free(buffer);
    }
    assert_true(enough >= whole && enough < whole + 256);
}

// Runs COMMAND with the tree in a file, for %s; returns what it printed.
static void run(const char *command, char *output, size_t size) {
    char file[] = "/tmp/guestdt-XXXXXX", line[256];
    int descriptor = mkstemp(file);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, tree, used), used);
    close(descriptor);
    snprintf(line, sizeof(line), command, file);
    FILE *pipe = popen(line, "r");
    if (pipe == NULL) {
        fail_msg("%s cannot be run", line);
        return;
    }
    output[fread(output, 1, size - 1, pipe)] = '\0';
    int status = pclose(pipe);
    unlink(file);
    assert_int_equal(status, 0);
}

// Its one warning is about what Linux's binding of that node leaves out on purpose.
static void test_dtc_finds_nothing_wrong(void **state) {
    (void)state;
    static char output[16384];
    const uint8_t *blobs[][2] = {{blob_default, blob_default_end},
                                 {blob_bench, blob_bench_end},
                                 {blob_linux_sstc, blob_linux_sstc_end},
                                 {blob_two_vms, blob_two_vms_end}};
    for (size_t i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++) {
        load(blobs[i][0], (size_t)(blobs[i][1] - blobs[i][0]));
        vm->reserved_count = 1;
        vm->reserved[0] = (struct manifest_reserved){"mailbox", {0x80f00000, 0x1000}, true};
        params.initrd = (struct manifest_range){0x80800000, 0x1000};
        make();
        run("dtc -Wno-interrupt_provider -I dtb -O dtb -o /dev/null %s 2>&1", output,
            sizeof(output));
        assert_string_equal(output, "");
    }
    run("fdtget -t x %s /memory@80000000 reg", output, sizeof(output));
    assert_string_equal(output, "0 80000000 0 1000000\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_default_vm, reset),
        cmocka_unit_test_setup(test_chosen_holds_the_command_line_and_the_initrd, reset),
        cmocka_unit_test_setup(test_chosen_holds_the_seed, reset),
        cmocka_unit_test_setup(test_regions_that_touch_are_one_to_the_guest, reset),
        cmocka_unit_test_setup(test_reserved_memory_is_said, reset),
        cmocka_unit_test_setup(test_passthrough_without_a_name_is_not_said, reset),
        cmocka_unit_test_setup(test_every_vcpu_has_a_node, reset),
        cmocka_unit_test_setup(test_the_guest_is_told_what_works_in_it, reset),
        cmocka_unit_test_setup(test_the_manifests_isa_stands_as_it_is, reset),
        cmocka_unit_test_setup(test_another_machines_parameters_are_refused, reset),
        cmocka_unit_test_setup(test_a_buffer_that_is_too_small_is_not_overrun, reset),
        cmocka_unit_test_setup(test_dtc_finds_nothing_wrong, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
