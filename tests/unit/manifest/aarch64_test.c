// What manifests say on aarch64 and not elsewhere.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/manifest/blobs.h"
#include "tests/unit/manifest/edit.h"

#define CONTROLLER "/host/interrupt-controller@8000000"
#define VM "/vms/vm0"
#define GIC VM "/devices/interrupt-controller@8000000"
#define UART VM "/devices/uart@9000000"
#define RTC VM "/devices/rtc@9010000"

static struct edit edit;

static int reset(void **state) {
    (void)state;
    edit_reset_aarch64(&edit);
    return 0;
}

static void expect_range(struct manifest_range range, uint64_t address, uint64_t size) {
    assert_int_equal(range.address, address);
    assert_int_equal(range.size, size);
}

static const struct manifest_server *server(const char *name) {
    uint8_t index = manifest_find_server(&edit.manifest, name);
    assert_int_not_equal(index, MANIFEST_NONE);
    return &edit.manifest.server[index];
}

static void test_the_machine_is_what_its_manifest_says(void **state) {
    (void)state;
    edit_expect_good(&edit);
    const struct manifest *manifest = &edit.manifest;
    assert_true(manifest->interrupt_controller.present);
    expect_range(manifest->interrupt_controller.host, 0x8000000, 0x10000);
    expect_range(manifest->interrupt_controller.part[0].range, 0x80a0000, 0x20000);
    assert_string_equal(manifest->interrupt_controller.part[0].property, "redistributors");
    assert_null(manifest->interrupt_controller.part[1].property);
    assert_int_equal(manifest->interrupt_controller.context, 0);
    expect_range(manifest->panic_console, 0x9000000, 0x1000);
    expect_range(manifest->reset, 0, 0);
    const struct manifest_server *console = server("console");
    assert_string_equal(console->window[0].compatible, "arm,pl011");
    expect_range(console->window[0].host, 0x9000000, 0x1000);
    assert_int_equal(console->interrupt[0], 1);
    const struct manifest_server *loader = server("fs-loader");
    expect_range(loader->window[0].host, 0xa001000, 0x3000);
    assert_int_equal(loader->window[0].slot_size, 0x200);
    assert_int_equal(server("monitor")->interrupt[0], 16);
}

static void test_the_vm_is_what_its_manifest_says(void **state) {
    (void)state;
    edit_expect_good(&edit);
    const struct manifest_vm *vm = &edit.manifest.vm[0];
    expect_range(vm->memory[0].guest, 0x40000000, 0x1000000);
    assert_int_equal(vm->load_address, 0x40200000);
    assert_int_equal(vm->passthrough[0].host, 0x4000000);
    expect_range(vm->passthrough[0].guest, 0x4000000, 0x4000000);
    assert_int_equal(vm->device_count, 3);
    assert_string_equal(vm->device[0].compatible, "arm,gic-v3");
    expect_range(vm->device[0].guest, 0x8000000, 0x10000);
    expect_range(vm->device[0].cpu_part, 0x80a0000, 0x20000);
    assert_int_equal(vm->device[0].line, 0);
    assert_string_equal(vm->device[1].compatible, "arm,pl011");
    assert_int_equal(vm->device[1].line, 1);
    expect_range(vm->device[1].cpu_part, 0, 0);
    assert_int_equal(vm->device[2].line, 0);
    edit_load(&edit, blob_two_vms_aarch64);
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.vm_count, 2);
    assert_memory_equal(edit.manifest.vm[0].device, edit.manifest.vm[1].device, sizeof(vm->device));
}

static void test_each_vcpu_has_its_redistributor(void **state) {
    (void)state;
    EDIT_CELLS(&edit, VM, "vcpus", 16);
    edit_expect_good(&edit);
    expect_range(edit.manifest.vm[0].device[0].cpu_part, 0x80a0000, 16ull * 0x20000);
    EDIT_CELLS(&edit, VM, "vcpus", 17);
    edit_expect(&edit, STATUS_INVALID, GIC, "compatible",
                "is \"arm,gic-v3\", which is for 16 vCPUs at most; the VM has 17");
    // They are in nobody's way.
    edit_reset(&edit);
    EDIT_CELLS(&edit, GIC, "redistributors", 0x8ff0000);
    edit_expect(&edit, STATUS_INVALID, UART, "reg",
                "takes 0x9000000-0x9000fff, of which " GIC
                " has 0x8ff0000-0x900ffff already; move one of them");
    EDIT_CELLS(&edit, GIC, "redistributors", 0x8000000);
    edit_expect(&edit, STATUS_INVALID, GIC, "redistributors",
                "takes 0x8000000-0x801ffff, of which " GIC
                " has 0x8000000-0x800ffff already; move one of them");
    EDIT_CELLS(&edit, GIC, "redistributors", 0x80a1000);
    edit_expect(&edit, STATUS_INVALID, GIC, "redistributors",
                "is 0x80a1000; choose a multiple of 0x10000");
    edit_drop(&edit, GIC, "redistributors");
    edit_expect(&edit, STATUS_INVALID, GIC, "redistributors", "is missing; add it");
    EDIT_CELLS(&edit, UART, "redistributors", 0x80a0000);
    edit_expect(&edit, STATUS_INVALID, UART, "redistributors",
                "is an interrupt controller's, which \"arm,pl011\" is not; remove it");
}

// guest/manifests/gicv2-aarch64.dtsi.
static void test_a_gicv2_is_the_machines_and_the_guests(void **state) {
    (void)state;
    edit_load(&edit, blob_gicv2_aarch64);
    edit_expect_good(&edit);
    const struct manifest *manifest = &edit.manifest;
    const struct manifest_device *device = &manifest->vm[0].device[0];
    static const struct manifest_part parts[] = {{"cpu-interface", {0x8010000, 0x2000}},
                                                 {"hypervisor-interface", {0x8030000, 0x1000}},
                                                 {"guest-interface", {0x8040000, 0x2000}}};
    expect_range(manifest->interrupt_controller.host, 0x8000000, 0x10000);
    for (unsigned i = 0; i < 3; i++) {
        const struct manifest_part *part = &manifest->interrupt_controller.part[i];
        assert_string_equal(part->property, parts[i].property);
        expect_range(part->range, parts[i].range.address, parts[i].range.size);
    }
    assert_string_equal(device->compatible, "arm,gic-400");
    expect_range(device->cpu_part, 0x8010000, 0x2000);
    assert_int_equal(device->cpu_part_host, 0x8040000);
}

static void test_one_cpu_interface_is_all_vcpus(void **state) {
    (void)state;
    edit_load(&edit, blob_gicv2_aarch64);
    EDIT_CELLS(&edit, VM, "vcpus", 8);
    edit_expect_good(&edit);
    expect_range(edit.manifest.vm[0].device[0].cpu_part, 0x8010000, 0x2000);
    EDIT_CELLS(&edit, VM, "vcpus", 9);
    edit_expect(&edit, STATUS_INVALID, GIC, "compatible",
                "is \"arm,gic-400\", which is for 8 vCPUs at most; the VM has 9");
}

// Without an emulated interrupt controller it is all VMs' limit that is left.
static void test_vcpus_of_all_vms_together(void **state) {
    (void)state;
    static const char *const devices[] = {"/vms/a/devices", "/vms/b/devices"};
    EDIT_CELLS(&edit, VM, "vcpus", 49);
    edit_expect(&edit, STATUS_INVALID, VM, "vcpus", "is 49; choose one from 1 to 48");
    for (unsigned more = 0; more < 2; more++) {
        edit_load(&edit, blob_two_vms_aarch64);
        for (unsigned i = 0; i < 2; i++)
            edit_remove(&edit, devices[i]);
        EDIT_CELLS(&edit, "/vms/a", "vcpus", 47);
        EDIT_CELLS(&edit, "/vms/b", "vcpus", 1 + more);
        if (more == 0)
            edit_expect_good(&edit);
    }
    edit_expect(&edit, STATUS_RANGE, "/vms/b", "vcpus",
                "is 2, but the VMs before it have 47 of the 48 that all can have together on "
                "aarch64; choose fewer, here or there");
}

static void test_a_vm_has_one_uart(void **state) {
    (void)state;
    edit_text(&edit, RTC, "compatible", "arm,pl011");
    edit_expect(&edit, STATUS_EXISTS, RTC, "compatible",
                "makes this a second UART, beside `uart`, for the VM's one console; remove "
                "one");
}

static void test_a_guests_controller_is_of_the_machines_kind(void **state) {
    (void)state;
    edit_text(&edit, GIC, "compatible", "arm,gic-400");
    edit_text(&edit, "/servers/npf-pager", "emulates", "arm,gic-400");
    edit_drop(&edit, GIC, "redistributors");
    edit_remove(&edit, UART);
    edit_remove(&edit, RTC);
    EDIT_CELLS(&edit, GIC, "cpu-interface", 0x8010000);
    edit_expect(&edit, STATUS_UNSUPPORTED, GIC, "compatible",
                "is \"arm,gic-400\", but the machine's own is arm,gic-v3; a guest's is of the same "
                "kind");
    edit_load(&edit, blob_gicv2_aarch64);
    EDIT_CELLS(&edit, GIC, "redistributors", 0x80a0000);
    edit_expect(
        &edit, STATUS_INVALID, GIC, "redistributors",
        "is an interrupt controller's that is \"arm,gic-v3\", which \"arm,gic-400\" is not; "
        "remove it");
    EDIT_CELLS(&edit, UART, "cpu-interface", 0x80a0000);
    edit_expect(&edit, STATUS_INVALID, UART, "cpu-interface",
                "is an interrupt controller's, which \"arm,pl011\" is not; remove it");
}

// No VM could be given it beside what it has, and no server.
static void test_the_parts_of_a_gicv2_are_nobody_elses(void **state) {
    (void)state;
    static const char flash[] = VM "/passthrough/pflash@4000000";
    edit_load(&edit, blob_gicv2_aarch64);
    EDIT_CELLS(&edit, flash, "host", 0x8042000 - 0x4000000);
    edit_text(&edit, flash, "rights", "rw");
    assert_int_equal(edit_parse(&edit), STATUS_INVALID);
    assert_non_null(strstr(edit.error.text, CONTROLLER " has"));
    edit_load(&edit, blob_gicv2_aarch64);
    EDIT_CELLS(&edit, CONTROLLER, "guest-interface", 0x8031000);
    edit_expect_good(&edit);
    edit_load(&edit, blob_gicv2_aarch64);
    EDIT_CELLS(&edit, CONTROLLER, "guest-interface", 0x802f000);
    edit_expect(&edit, STATUS_INVALID, CONTROLLER, "guest-interface",
                "takes 0x802f000-0x8030fff, of which " CONTROLLER
                " has 0x8030000-0x8030fff already; move one of them");
    edit_load(&edit, blob_gicv2_aarch64);
    edit_drop(&edit, CONTROLLER, "guest-interface");
    edit_expect(&edit, STATUS_INVALID, CONTROLLER, "guest-interface", "is missing; add it");
}

static void test_lines_lead_to_one_controller(void **state) {
    (void)state;
    EDIT_CELLS(&edit, RTC, "interrupt-line", 1);
    edit_expect(&edit, STATUS_EXISTS, RTC, "interrupt-line",
                "is 1, which `uart` has already; choose another");
    EDIT_CELLS(&edit, GIC, "interrupt-line", 3);
    edit_expect(&edit, STATUS_INVALID, GIC, "interrupt-line",
                "leads nowhere; add a device that is \"arm,gic-v3\", or remove this");
    edit_remove(&edit, GIC);
    edit_expect(&edit, STATUS_INVALID, UART, "interrupt-line",
                "leads nowhere; add a device that is \"arm,gic-v3\", or remove this");
    edit_remove(&edit, GIC);
    edit_drop(&edit, UART, "interrupt-line");
    edit_expect_good(&edit);
    edit_reset(&edit);
    EDIT_CELLS(&edit, UART, "interrupt-line", 63);
    edit_expect_good(&edit);
    edit_reset(&edit);
    edit_add(&edit, VM "/devices", "second@8100000");
    edit_text(&edit, VM "/devices/second@8100000", "compatible", "arm,gic-v3");
    edit_text(&edit, VM "/devices/second@8100000", "server", "npf-pager");
    edit_reg(&edit, VM "/devices/second@8100000", 0x8100000, 0x10000);
    EDIT_CELLS(&edit, VM "/devices/second@8100000", "redistributors", 0x8200000);
    // libfdt adds at the front.
    edit_expect(&edit, STATUS_EXISTS, GIC, "compatible",
                "makes this a second interrupt controller, beside `second`; remove one");
}

static void test_the_host_has_a_gic(void **state) {
    (void)state;
    edit_text(&edit, CONTROLLER, "compatible", "riscv,plic0");
    assert_int_equal(edit_parse(&edit), STATUS_INVALID);
    edit_reset(&edit);
    EDIT_CELLS(&edit, CONTROLLER, "context", 1);
    edit_expect(&edit, STATUS_INVALID, CONTROLLER, "context",
                "is unknown here; remove it or correct its name (there are: compatible, reg, "
                "redistributors)");
    edit_drop(&edit, CONTROLLER, "redistributors");
    edit_expect(&edit, STATUS_INVALID, CONTROLLER, "redistributors", "is missing; add it");
    EDIT_CELLS(&edit, "/servers/console", "interrupt-lines", 988);
    edit_expect(&edit, STATUS_INVALID, "/servers/console", "interrupt-lines",
                "names line 988; choose one from 1 to 987");
    EDIT_CELLS(&edit, "/servers/console", "interrupt-lines", 987);
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
    edit_reset(&edit);
    edit_bytes(&edit, VM, "counters", NULL, 0);
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.vm[0].features, VCPU_FEATURE_COUNTERS);
    edit_load(&edit, blob_default);
    assert_int_equal(edit_parse(&edit), STATUS_UNSUPPORTED);
}

static void test_windows_say_what_they_are(void **state) {
    (void)state;
    static const char virtio[] = "/servers/fs-loader/virtio@a001000";
    EDIT_CELLS(&edit, virtio, "slot-size", 0x300);
    edit_expect(&edit, STATUS_INVALID, virtio, "slot-size", "is 768; choose a power of two");
    EDIT_CELLS(&edit, virtio, "slot-size", 0x80);
    assert_int_not_equal(edit_parse(&edit), STATUS_OK);
    edit_reset(&edit);
    edit_add(&edit, "/servers/console", "thirteenchars@f000000");
    edit_reg(&edit, "/servers/console/thirteenchars@f000000", 0xf000000, 0x1000);
    edit_text(&edit, "/servers/console/thirteenchars@f000000", "rights", "r");
    edit_text(&edit, "/servers/console/thirteenchars@f000000", "compatible", "x");
    edit_expect(&edit, STATUS_INVALID, "/servers/console/thirteenchars@f000000", "compatible",
                "needs a window whose name has at most 12 characters; shorten it");
}

static void expect_on_ram(uint64_t address, const char *text) {
    struct manifest_error error;
    const struct manifest_range ram = {address, 0x1000};
    edit_expect_good(&edit);
    assert_int_equal(manifest_check_machine(&edit.manifest, &ram, 1, 1ull << 40, &error),
                     STATUS_RANGE);
    assert_non_null(strstr(error.text, text));
}

static void test_nothing_of_the_host_is_ram(void **state) {
    (void)state;
    expect_on_ram(0x80b0000, CONTROLLER ": property `redistributors` names 0x80a0000");
    expect_on_ram(0x8000000, CONTROLLER ": property `reg`");
    expect_on_ram(0x9000000, "/host/console@9000000: property `reg`");
    struct manifest_error error;
    const struct manifest_range ram = {0, 0x1000}; // where nothing that is absent lies
    assert_int_equal(manifest_check_machine(&edit.manifest, &ram, 1, 1ull << 40, &error),
                     STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_machine_is_what_its_manifest_says, reset),
        cmocka_unit_test_setup(test_the_vm_is_what_its_manifest_says, reset),
        cmocka_unit_test_setup(test_each_vcpu_has_its_redistributor, reset),
        cmocka_unit_test_setup(test_a_gicv2_is_the_machines_and_the_guests, reset),
        cmocka_unit_test_setup(test_one_cpu_interface_is_all_vcpus, reset),
        cmocka_unit_test_setup(test_vcpus_of_all_vms_together, reset),
        cmocka_unit_test_setup(test_a_vm_has_one_uart, reset),
        cmocka_unit_test_setup(test_a_guests_controller_is_of_the_machines_kind, reset),
        cmocka_unit_test_setup(test_the_parts_of_a_gicv2_are_nobody_elses, reset),
        cmocka_unit_test_setup(test_lines_lead_to_one_controller, reset),
        cmocka_unit_test_setup(test_the_host_has_a_gic, reset),
        cmocka_unit_test_setup(test_what_only_others_have_is_unknown, reset),
        cmocka_unit_test_setup(test_windows_say_what_they_are, reset),
        cmocka_unit_test_setup(test_nothing_of_the_host_is_ram, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
