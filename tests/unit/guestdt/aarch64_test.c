// An aarch64 guest's device tree, as Linux's bindings want it; read back with libfdt's reading half
// and by dtc.

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

#define GIC "/interrupt-controller@8000000"
#define UART "/uart@9000000"
#define RTC "/rtc@9010000"

static struct manifest manifest;
static struct guestdt_params params;
static _Alignas(8) uint8_t tree[0x20000];
static size_t used;
static struct manifest_vm *vm = &manifest.vm[0];

static int reset(void **state) {
    (void)state;
    struct manifest_error error;
    if (manifest_parse(blob_default_aarch64, BLOB_SIZE(default_aarch64), "aarch64", &manifest,
                       &error) != STATUS_OK)
        fail_msg("%s", error.text);
    params = (struct guestdt_params){.timebase = 62500000};
    return 0;
}

static void make(void) {
    memset(tree, 0xa5, sizeof(tree)); // nothing of the tree before shines through
    assert_int_equal(guestdt_make(vm, &params, tree, sizeof(tree), &used), STATUS_OK);
    assert_int_equal(fdt_check_full(tree, used), 0);
}

static bool has_node(const char *path) { return fdt_path_offset(tree, path) >= 0; }

static bool has(const char *path, const char *property) {
    return fdt_getprop(tree, fdt_path_offset(tree, path), property, NULL) != NULL;
}

static void expect(const char *path, const char *property, const void *wanted, size_t size) {
    int length = 0;
    const void *found = fdt_getprop(tree, fdt_path_offset(tree, path), property, &length);
    if (found == NULL || length != (int)size)
        fail_msg("%s of %s has %d bytes", property, path, length);
    else
        assert_memory_equal(found, wanted, size);
}

static void expect_cells(const char *path, const char *property, const uint32_t *cells,
                         size_t count) {
    fdt32_t wanted[16];
    assert_in_range(count, 1, 16);
    for (size_t i = 0; i < count; i++)
        wanted[i] = cpu_to_fdt32(cells[i]);
    expect(path, property, wanted, count * 4);
}

#define TEXTS(path, property, texts) expect(path, property, texts, sizeof(texts))
#define CELLS(path, property, ...)                                                                 \
    expect_cells(path, property, (const uint32_t[]){__VA_ARGS__},                                  \
                 sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void test_cpus_start_by_psci(void **state) {
    (void)state;
    vm->vcpus = 3;
    make();
    TEXTS("/", "compatible", "exeunt,vm-aarch64");
    CELLS("/cpus", "#address-cells", 1);
    CELLS("/cpus", "#size-cells", 0);
    TEXTS("/cpus/cpu@2", "device_type", "cpu");
    TEXTS("/cpus/cpu@2", "compatible", "arm,armv8");
    TEXTS("/cpus/cpu@2", "enable-method", "psci");
    CELLS("/cpus/cpu@2", "reg", 2);
    assert_false(has_node("/cpus/cpu@3"));
    TEXTS("/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2");
    TEXTS("/psci", "method", "hvc");
}

static void test_interrupts_lead_to_the_gic(void **state) {
    (void)state;
    vm->device[0].cpu_part.size = 0x60000;
    make();
    CELLS("/", "interrupt-parent", 1);
    TEXTS(GIC, "compatible", "arm,gic-v3");
    CELLS(GIC, "phandle", 1);
    CELLS(GIC, "#interrupt-cells", 3);
    CELLS(GIC, "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0x60000);
    assert_true(has(GIC, "interrupt-controller"));
    assert_false(has(GIC, "interrupts"));
    CELLS(UART, "interrupts", 0, 1, 4);
    assert_false(has(RTC, "interrupts"));
    // Secure, non-secure, virtual, hypervisor: level, each CPU's own.
    CELLS("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
    TEXTS("/timer", "compatible", "arm,armv8-timer");
}

// Documentation/devicetree/bindings/interrupt-controller/arm,gic.yaml: distributor, CPU interface.
static void test_a_gicv2(void **state) {
    (void)state;
    struct manifest_error error;
    assert_int_equal(
        manifest_parse(blob_gicv2_aarch64, BLOB_SIZE(gicv2_aarch64), "aarch64", &manifest, &error),
        STATUS_OK);
    make();
    TEXTS(GIC, "compatible", "arm,gic-400");
    CELLS(GIC, "reg", 0, 0x8000000, 0, 0x10000, 0, 0x8010000, 0, 0x2000);
    CELLS(GIC, "#interrupt-cells", 3);
    CELLS("/", "interrupt-parent", 1);
    assert_true(has(GIC, "interrupt-controller"));
    CELLS("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
}

static void test_without_a_gic_nothing_interrupts(void **state) {
    (void)state;
    vm->device[0] = vm->device[1];
    vm->device[0].line = 0;
    vm->device_count = 1;
    make();
    assert_false(has("/", "interrupt-parent"));
    assert_false(has_node("/timer"));
    assert_false(has(UART, "interrupts"));
    assert_true(has_node("/psci"));
}

static void test_primecells_have_clocks(void **state) {
    (void)state;
    make();
    TEXTS(UART, "compatible", "arm,pl011\0arm,primecell");
    CELLS(UART, "reg", 0, 0x9000000, 0, 0x1000);
    CELLS(UART, "clocks", 2, 2);
    TEXTS(UART, "clock-names", "uartclk\0apb_pclk");
    TEXTS(RTC, "compatible", "arm,pl031\0arm,primecell");
    CELLS(RTC, "clocks", 2);
    TEXTS(RTC, "clock-names", "apb_pclk");
    CELLS("/apb-pclk", "phandle", 2);
    CELLS("/apb-pclk", "#clock-cells", 0);
    TEXTS("/apb-pclk", "compatible", "fixed-clock");
    vm->device_count = 1;
    make();
    assert_false(has_node("/apb-pclk"));
}

static void test_the_console_is_the_uart(void **state) {
    (void)state;
    make();
    TEXTS("/chosen", "stdout-path", UART);
    vm->device_count = 1;
    make();
    assert_false(has("/chosen", "stdout-path"));
}

static void test_the_rest_is_as_everywhere(void **state) {
    (void)state;
    strcpy(vm->cmdline, "hello");
    make();
    TEXTS("/chosen", "bootargs", "hello");
    CELLS("/memory@40000000", "reg", 0, 0x40000000, 0, 0x1000000);
    TEXTS("/pflash@4000000", "compatible", "mtd-rom");
    CELLS("/pflash@4000000", "reg", 0, 0x4000000, 0, 0x4000000);
    strcpy(vm->isa, "rv64imac");
    assert_int_equal(guestdt_make(vm, &params, tree, sizeof(tree), &used), STATUS_INVALID);
}

static void test_dtc_finds_nothing_wrong(void **state) {
    (void)state;
    char file[] = "/tmp/guestdt-XXXXXX", line[256], output[4096];
    make();
    int descriptor = mkstemp(file);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, tree, used), used);
    close(descriptor);
    // Its one warning is about #address-cells, which only nodes with children need.
    snprintf(line, sizeof(line), "dtc -Wno-interrupt_provider -I dtb -O dtb -o /dev/null %s 2>&1",
             file);
    FILE *pipe = popen(line, "r");
    if (pipe == NULL) {
        fail_msg("%s cannot be run", line);
        return;
    }
    output[fread(output, 1, sizeof(output) - 1, pipe)] = '\0';
    assert_int_equal(pclose(pipe), 0);
    unlink(file);
    assert_string_equal(output, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_cpus_start_by_psci, reset),
        cmocka_unit_test_setup(test_interrupts_lead_to_the_gic, reset),
        cmocka_unit_test_setup(test_a_gicv2, reset),
        cmocka_unit_test_setup(test_without_a_gic_nothing_interrupts, reset),
        cmocka_unit_test_setup(test_primecells_have_clocks, reset),
        cmocka_unit_test_setup(test_the_console_is_the_uart, reset),
        cmocka_unit_test_setup(test_the_rest_is_as_everywhere, reset),
        cmocka_unit_test_setup(test_dtc_finds_nothing_wrong, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
