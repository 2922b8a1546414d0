// What manifests say on x86_64 and not elsewhere.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/manifest/blobs.h"
#include "tests/unit/manifest/edit.h"

#define CONTROLLER "/host/interrupt-controller@fec00000"
#define CONSOLE "/servers/console"
#define SERIAL CONSOLE "/uart@fffe07f000"
#define LOADER "/servers/fs-loader"
#define VM "/vms/vm0"
#define EXITS VM "/exits"
#define APIC VM "/devices/apic@fee00000"
#define FLASH VM "/passthrough/pflash@ffc00000"
#define SERIAL_PORTS 0xfffe07f000 // the page that stands for 0x3f8 to 0x3ff

static struct edit edit;

static int reset(void **state) {
    (void)state;
    edit_reset_x86_64(&edit);
    return 0;
}

static void expect_range(struct manifest_range range, uint64_t address, uint64_t size) {
    assert_int_equal(range.address, address);
    assert_int_equal(range.size, size);
}

static uint8_t server(const char *name) {
    const uint8_t index = manifest_find_server(&edit.manifest, name);
    assert_int_not_equal(index, MANIFEST_NONE);
    return index;
}

static void test_the_machine_is_what_its_manifest_says(void **state) {
    (void)state;
    edit_expect_good(&edit);
    const struct manifest *manifest = &edit.manifest;
    assert_true(manifest->interrupt_controller.present);
    expect_range(manifest->interrupt_controller.host, 0xfec00000, 0x1000);
    assert_null(manifest->interrupt_controller.part[0].property);
    expect_range(manifest->reset, 0, 0); // a PC's is ACPI's
    const struct manifest_server *console = &manifest->server[server("console")];
    expect_range(console->window[0].host, SERIAL_PORTS, 0x1000);
    assert_string_equal(console->window[0].compatible, "ns16550a");
    assert_int_equal(console->interrupt[0], 4);
}

static void test_the_vm_is_what_its_manifest_says(void **state) {
    (void)state;
    edit_expect_good(&edit);
    const struct manifest_vm *vm = &edit.manifest.vm[0];
    expect_range(vm->memory[0].guest, 0, 32u << 20);
    assert_int_equal(vm->load_address, 0x200000);
    assert_int_equal(vm->exit[EXIT_IO], server("sbi-server"));
    assert_int_equal(vm->exit[EXIT_WINDOW], server("timer-server"));
    assert_int_equal(vm->device_count, 1);
    assert_string_equal(vm->device[0].compatible, "intel,xapic");
    expect_range(vm->device[0].guest, 0xfee00000, 0x1000);
    assert_int_equal(vm->device[0].server, server("npf-pager"));
    assert_int_equal(vm->device[0].line, 0);
}

// A PC has both kinds of exits, whatever its guests do.
static void test_ports_and_windows_have_a_server(void **state) {
    (void)state;
    static const char *const classes[] = {"io", "window"};
    for (unsigned i = 0; i < 2; i++) {
        edit_drop(&edit, EXITS, classes[i]);
        edit_expect(&edit, STATUS_INVALID, EXITS, classes[i], "is missing; add it");
        edit_text(&edit, EXITS, classes[i], "nobody");
        assert_int_not_equal(edit_parse(&edit), STATUS_OK);
        assert_string_equal(edit.error.property, classes[i]);
        edit_reset(&edit);
    }
}

static void test_ports_have_one_owner(void **state) {
    (void)state;
    edit_add(&edit, LOADER, "uart@fffe07f000");
    edit_reg(&edit, LOADER "/uart@fffe07f000", SERIAL_PORTS, 0x1000);
    edit_text(&edit, LOADER "/uart@fffe07f000", "rights", "rw");
    edit_expect(&edit, STATUS_INVALID, LOADER "/uart@fffe07f000", "reg",
                "takes 0xfffe07f000-0xfffe07ffff, of which " SERIAL
                " has 0xfffe07f000-0xfffe07ffff already; move one of them");
    // No guest gets them beside a server, and the last port is the end of what there is.
    EDIT_CELLS(&edit, FLASH, "host", 0xff, 0xfe07f000);
    assert_int_equal(edit_parse(&edit), STATUS_INVALID);
    assert_string_equal(edit.error.node, FLASH);
    edit_reset(&edit);
    edit_add(&edit, LOADER, "last@fffffff000");
    edit_text(&edit, LOADER "/last@fffffff000", "rights", "rw");
    edit_reg(&edit, LOADER "/last@fffffff000", 0xfffffff000, 0x1000);
    edit_expect_good(&edit);
    edit_reg(&edit, LOADER "/last@fffffff000", 0xfffffff000, 0x2000);
    edit_expect(&edit, STATUS_INVALID, LOADER "/last@fffffff000", "reg",
                "ends above 0xffffffffff, the highest address there can be; choose a lower range");
    edit_reg(&edit, SERIAL, SERIAL_PORTS, 8);
    edit_expect(&edit, STATUS_INVALID, SERIAL, "reg",
                "is 0x8 bytes at 0xfffe07f000; choose multiples of 0x1000 for both");
}

static void test_local_apics_are_few(void **state) {
    (void)state;
    EDIT_CELLS(&edit, VM, "vcpus", 16);
    edit_expect_good(&edit);
    EDIT_CELLS(&edit, VM, "vcpus", 17);
    edit_expect(&edit, STATUS_INVALID, VM, "vcpus", "is 17; choose one from 1 to 16");
    edit_load(&edit, blob_two_vms_x86_64);
    EDIT_CELLS(&edit, "/vms/a", "vcpus", 9);
    EDIT_CELLS(&edit, "/vms/b", "vcpus", 7);
    edit_expect_good(&edit);
    EDIT_CELLS(&edit, "/vms/b", "vcpus", 8);
    edit_expect(&edit, STATUS_RANGE, "/vms/b", "vcpus",
                "is 8, but the VMs before it have 9 of the 16 that all can have together on "
                "x86_64; choose fewer, here or there");
}

static void test_the_local_apics_page(void **state) {
    (void)state;
    EDIT_CELLS(&edit, APIC, "interrupt-line", 3);
    edit_expect(&edit, STATUS_INVALID, APIC, "interrupt-line",
                "is unknown here; remove it or correct its name (there are: compatible, reg, "
                "server)");
    EDIT_CELLS(&edit, APIC, "redistributors", 0x80a0000);
    edit_expect(&edit, STATUS_INVALID, APIC, "redistributors",
                "is unknown here; remove it or correct its name (there are: compatible, reg, "
                "server)");
    edit_text(&edit, APIC, "compatible", "intel,82093aa");
    edit_expect(&edit, STATUS_UNSUPPORTED, APIC, "compatible",
                "is \"intel,82093aa\", which is not among /servers/npf-pager's `emulates`; correct "
                "it or name another server");
    edit_text(&edit, "/servers/npf-pager", "emulates", "google,goldfish-rtc");
    edit_expect(
        &edit, STATUS_UNSUPPORTED, APIC, "compatible",
        "is \"intel,xapic\", which is not among /servers/npf-pager's `emulates`; correct it "
        "or name another server");
    edit_text(&edit, APIC, "server", "timer-server");
    edit_expect(
        &edit, STATUS_UNSUPPORTED, APIC, "compatible",
        "is \"intel,xapic\", which is not among /servers/timer-server's `emulates`; correct "
        "it or name another server");
    edit_drop(&edit, APIC, "server");
    edit_expect(&edit, STATUS_INVALID, APIC, "server", "is missing; add it");
    edit_reg(&edit, APIC, 0x1000000, 0x1000); // RAM is there
    assert_int_equal(edit_parse(&edit), STATUS_INVALID);
    edit_reset(&edit);
    edit_reg(&edit, APIC, UINT64_C(1) << 39, 0x1000); // and nothing any more
    edit_expect(&edit, STATUS_INVALID, APIC, "reg",
                "ends above 0x7fffffffff, the highest address there can be; choose a lower range");
    edit_remove(&edit, APIC); // a guest that uses MSRs needs none
    edit_expect_good(&edit);
}

static void test_the_host_has_an_io_apic(void **state) {
    (void)state;
    edit_text(&edit, CONTROLLER, "compatible", "arm,gic-v3");
    assert_int_equal(edit_parse(&edit), STATUS_INVALID);
    assert_string_equal(edit.error.property, "compatible");
    edit_reset(&edit);
    static const char *const others[] = {"context", "redistributors"};
    for (unsigned i = 0; i < 2; i++) {
        EDIT_CELLS(&edit, CONTROLLER, others[i], 1);
        edit_expect(&edit, STATUS_INVALID, CONTROLLER, others[i],
                    "is unknown here; remove it or correct its name (there are: compatible, reg)");
    }
    EDIT_CELLS(&edit, CONSOLE, "interrupt-lines", 24);
    edit_expect(&edit, STATUS_INVALID, CONSOLE, "interrupt-lines",
                "names line 24; choose one from 1 to 23");
    EDIT_CELLS(&edit, CONSOLE, "interrupt-lines", 23);
    edit_expect_good(&edit);
}

static void test_what_only_others_have_is_unknown(void **state) {
    (void)state;
    static const char *const others[] = {"sstc", "isa"};
    for (unsigned i = 0; i < 2; i++) {
        edit_text(&edit, VM, others[i], "");
        assert_int_equal(edit_parse(&edit), STATUS_INVALID);
        assert_string_equal(edit.error.property, others[i]);
        edit_reset(&edit);
    }
    edit_add(&edit, "/host", "reset@100000");
    assert_int_equal(edit_parse(&edit), STATUS_INVALID);
    assert_non_null(strstr(edit.error.text, "reset@100000"));
    edit_load(&edit, blob_default_aarch64);
    assert_int_equal(edit_parse(&edit), STATUS_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_machine_is_what_its_manifest_says, reset),
        cmocka_unit_test_setup(test_the_vm_is_what_its_manifest_says, reset),
        cmocka_unit_test_setup(test_ports_and_windows_have_a_server, reset),
        cmocka_unit_test_setup(test_ports_have_one_owner, reset),
        cmocka_unit_test_setup(test_local_apics_are_few, reset),
        cmocka_unit_test_setup(test_the_local_apics_page, reset),
        cmocka_unit_test_setup(test_the_host_has_an_io_apic, reset),
        cmocka_unit_test_setup(test_what_only_others_have_is_unknown, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
