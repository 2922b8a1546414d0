// A manifest against the machine: devices are no RAM, and the guests fit into what is free.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libs/manifest/manifest.h"
#include "tests/unit/manifest/blobs.h"

#define ROOM (128ull << 20)

static struct manifest manifest;
static struct manifest_error error;

static void parse(const uint8_t *blob, size_t size) {
    assert_int_equal(manifest_parse(blob, size, "riscv64", &manifest, &error), STATUS_OK);
}

static int load_default(void **state) {
    (void)state;
    parse(blob_default, BLOB_SIZE(default));
    return 0;
}

static void expect_refused(const struct manifest_range *ram, unsigned count, uint64_t room,
                           const char *node, const char *property, const char *text) {
    assert_int_equal(manifest_check_machine(&manifest, ram, count, room, &error), STATUS_RANGE);
    assert_string_equal(error.text, text);
    assert_string_equal(error.node, node);
    assert_string_equal(error.property, property);
}

static const struct manifest_range machine_ram[] = {{0x80000000, 0x10000000}};

static void test_the_default_manifest_fits_the_machine(void **state) {
    (void)state;
    assert_int_equal(manifest_check_machine(&manifest, machine_ram, 1, ROOM, &error), STATUS_OK);
    assert_string_equal(error.text, "");
    assert_string_equal(error.node, "");
    assert_int_equal(manifest_check_machine(&manifest, NULL, 0, ROOM, &error), STATUS_OK);
}

// The core's own memory could be mapped by a guest or a server otherwise.
static void test_passthrough_of_ram_is_refused(void **state) {
    (void)state;
    parse(blob_wrong_passthrough_ram, BLOB_SIZE(wrong_passthrough_ram));
    const char *node = "/vms/vm0/passthrough/pflash@22000000";
    expect_refused(machine_ram, 1, ROOM, node, "host",
                   "/vms/vm0/passthrough/pflash@22000000: property `host` names "
                   "0x80200000-0x821fffff, but the machine has RAM at 0x80000000-0x8fffffff; only "
                   "devices can be given away like this");
    // The last page of it is the first of RAM; and the other way round.
    const struct manifest_range above = {0x821ff000, 0x1000};
    expect_refused(&above, 1, ROOM, node, "host",
                   "/vms/vm0/passthrough/pflash@22000000: property `host` names "
                   "0x80200000-0x821fffff, but the machine has RAM at 0x821ff000-0x821fffff; only "
                   "devices can be given away like this");
    const struct manifest_range around[] = {{0x80000000, 0x200000}, {0x82200000, 0x10000000}};
    assert_int_equal(manifest_check_machine(&manifest, around, 2, ROOM, &error), STATUS_OK);
}

static void test_registers_in_ram_are_refused(void **state) {
    (void)state;
    const struct manifest_range uart = {0x10000000, 0x1000};
    expect_refused(&uart, 1, ROOM, "/servers/console/uart@10000000", "reg",
                   "/servers/console/uart@10000000: property `reg` names 0x10000000-0x10000fff, "
                   "but the machine has RAM at 0x10000000-0x10000fff; only devices can be given "
                   "away like this");
    const struct manifest_range low[] = {{0xf0000000, 0x1000}, {0, 0x101000}};
    expect_refused(low, 2, ROOM, "/host/reset@100000", "reg",
                   "/host/reset@100000: property `reg` names 0x100000-0x100fff, but the machine "
                   "has RAM at 0x0-0x100fff; only devices can be given away like this");
    const struct manifest_range plic = {0xc5ff000, 0x2000};
    expect_refused(&plic, 1, ROOM, "/host/interrupt-controller@c000000", "reg",
                   "/host/interrupt-controller@c000000: property `reg` names 0xc000000-0xc5fffff, "
                   "but the machine has RAM at 0xc5ff000-0xc600fff; only devices can be given away "
                   "like this");
    manifest.interrupt_controller.present = false;
    assert_int_equal(manifest_check_machine(&manifest, &plic, 1, ROOM, &error), STATUS_OK);
}

static void test_guests_fit_into_what_is_free(void **state) {
    (void)state;
    assert_int_equal(manifest_check_machine(&manifest, machine_ram, 1, (16u << 20) + 1, &error),
                     STATUS_OK);
    expect_refused(machine_ram, 1, 16u << 20, "/vms/vm0/memory@80000000", "reg",
                   "/vms/vm0/memory@80000000: property `reg` wants 16384 KiB, but of the machine's "
                   "memory only 16384 KiB are left; give the machine more, or the VM less");
    parse(blob_two_vms, BLOB_SIZE(two_vms));
    expect_refused(machine_ram, 1, 30u << 20, "/vms/b/memory@80000000", "reg",
                   "/vms/b/memory@80000000: property `reg` wants 16384 KiB, but of the machine's "
                   "memory only 14336 KiB are left; give the machine more, or the VM less");
    // Sizes whose sum would wrap.
    parse(blob_bench, BLOB_SIZE(bench));
    manifest.vm[0].memory[0].guest.size = UINT64_MAX - 0xfff;
    manifest.vm[0].memory[1].guest.size = 0x2000;
    assert_int_equal(manifest_check_machine(&manifest, NULL, 0, UINT64_MAX, &error), STATUS_RANGE);
    assert_string_equal(error.node, "/vms/vm0/memory@80800000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_default_manifest_fits_the_machine, load_default),
        cmocka_unit_test_setup(test_passthrough_of_ram_is_refused, load_default),
        cmocka_unit_test_setup(test_registers_in_ram_are_refused, load_default),
        cmocka_unit_test_setup(test_guests_fit_into_what_is_free, load_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
