// What a guest finds at its addresses: each wrong part is refused by its message.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/manifest/blobs.h"
#include "tests/unit/manifest/edit.h"

#define VM "/vms/vm0"
#define MEMORY VM "/memory@80000000"
#define PFLASH VM "/passthrough/pflash@22000000"
#define RTC VM "/devices/rtc@101000"

static struct edit edit;

static int reset(void **state) {
    (void)state;
    edit_reset(&edit);
    return 0;
}

// Adds the node NAME@ADDRESS with its reg to PARENT.
static void add(const char *parent, const char *name, uint64_t address, uint64_t size) {
    char full[48], path[96];
    snprintf(full, sizeof(full), "%s@%llx", name, (unsigned long long)address);
    snprintf(path, sizeof(path), "%s/%s", parent, full);
    edit_add(&edit, parent, full);
    edit_reg(&edit, path, address, size);
}

static void add_memory(uint64_t address, uint64_t size) {
    char path[96];
    add(VM, "memory", address, size);
    snprintf(path, sizeof(path), VM "/memory@%llx", (unsigned long long)address);
    edit_text(&edit, path, "populate", "demand");
}

static void test_a_vm_has_memory(void **state) {
    (void)state;
    edit_remove(&edit, MEMORY);
    edit_expect(&edit, STATUS_INVALID, VM, "", "has no node `memory@...`; add one");
    edit_reg(&edit, MEMORY, 0x80000000, 0);
    edit_expect(&edit, STATUS_INVALID, MEMORY, "reg", "has the size 0; write how many bytes");
    edit_reg(&edit, MEMORY, 0x80000000, 0x1000800);
    edit_expect(&edit, STATUS_INVALID, MEMORY, "reg",
                "is 0x1000800 bytes at 0x80000000; choose multiples of 0x1000 for both");
    edit_reg(&edit, MEMORY, 0x80000800, 0x1000000);
    edit_expect(&edit, STATUS_INVALID, MEMORY, "reg",
                "is 0x1000000 bytes at 0x80000800; choose multiples of 0x1000 for both");
    edit_reg(&edit, MEMORY, 0x80000000, (1ull << 41) - 0x80000000 + 0x1000);
    edit_expect(&edit, STATUS_INVALID, MEMORY, "reg",
                "ends above 0x1ffffffffff, the highest address there can be; choose a lower range");
    edit_reg(&edit, MEMORY, 0x80000000, (1ull << 41) - 0x80000000);
    edit_expect_good(&edit);
    edit_remove(&edit, MEMORY);
    edit_add(&edit, VM, "memory");
    edit_expect(&edit, STATUS_INVALID, VM "/memory", "",
                "is a node that is unknown there; remove it or correct its name (there are: image, "
                "initrd, device-tree, exits, access, memory@, devices, passthrough, "
                "reserved-memory)");
}

static void test_memory_is_populated_in_one_of_two_ways(void **state) {
    (void)state;
    edit_drop(&edit, MEMORY, "populate");
    edit_expect(&edit, STATUS_INVALID, MEMORY, "populate", "is missing; add it");
    edit_text(&edit, MEMORY, "populate", "lazy");
    edit_expect(&edit, STATUS_INVALID, MEMORY, "populate",
                "is \"lazy\"; write one of \"start\", \"demand\"");
    EDIT_CELLS(&edit, MEMORY, "page", 4096);
    edit_expect(&edit, STATUS_INVALID, MEMORY, "page",
                "has no meaning for memory that is populated at the start, which is mapped by the "
                "largest pages that fit; remove it");
    edit_text(&edit, MEMORY, "populate", "demand");
    EDIT_CELLS(&edit, MEMORY, "page", 8192);
    edit_expect(&edit, STATUS_INVALID, MEMORY, "page", "is 8192; choose 4096 or 2097152");
    edit_text(&edit, MEMORY, "populate", "demand");
    EDIT_CELLS(&edit, MEMORY, "page", 0x40000000);
    edit_expect(&edit, STATUS_INVALID, MEMORY, "page",
                "is 1073741824; choose one from 4096 to 2097152");
    edit_text(&edit, MEMORY, "populate", "demand");
    edit_reg(&edit, MEMORY, 0x80000000, 0x1001000);
    EDIT_CELLS(&edit, MEMORY, "page", 0x200000);
    edit_expect(&edit, STATUS_INVALID, MEMORY, "page",
                "is 2097152, but the region's address or size is no multiple of it; choose 4096");
    edit_text(&edit, MEMORY, "populat", "start");
    edit_expect(&edit, STATUS_INVALID, MEMORY, "populat",
                "is unknown here; remove it or correct its name (there are: reg, populate, page)");
}

static void test_the_largest_page_that_fits_is_taken(void **state) {
    (void)state;
    edit_text(&edit, MEMORY, "populate", "demand");
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.vm[0].memory[0].page, 0x200000);
    edit_reg(&edit, MEMORY, 0x80000000, 0x1001000);
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.vm[0].memory[0].page, 4096);
    edit_reg(&edit, MEMORY, 0x80000000, 0x1000000);
    EDIT_CELLS(&edit, MEMORY, "page", 4096);
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.vm[0].memory[0].page, 4096);
}

static void test_regions_are_sorted_and_few(void **state) {
    (void)state;
    static const uint64_t bases[] = {0x90000000, 0x40000000, 0x60000000, 0x50000000,
                                     0xa0000000, 0x70000000, 0xb0000000};
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
        add_memory(bases[i], 0x200000);
    edit_expect_good(&edit);
    const struct manifest_vm *vm = &edit.manifest.vm[0];
    assert_int_equal(vm->memory_count, MANIFEST_MEMORY);
    for (uint32_t i = 1; i < vm->memory_count; i++)
        assert_true(vm->memory[i - 1].guest.address < vm->memory[i].guest.address);
    add_memory(0xc0000000, 0x200000);
    edit_expect(&edit, STATUS_NO_MEMORY, VM, "",
                "has more than 8 memory nodes; join some, or raise MANIFEST_MEMORY");
}

static void test_guest_addresses_have_one_meaning(void **state) {
    (void)state;
    // Each pair of kinds; the last page of one is the first of the other.
    add_memory(0x7f000000, 0x1001000);
    edit_expect(&edit, STATUS_INVALID, MEMORY, "reg",
                "takes 0x80000000-0x80ffffff, of which /vms/vm0/memory@7f000000 has "
                "0x7f000000-0x80000fff already; move one of them");
    edit_reg(&edit, MEMORY, 0x80000000, 0x1000000);
    add(VM "/passthrough", "uart", 0x80fff000, 0x2000);
    EDIT_CELLS(&edit, VM "/passthrough/uart@80fff000", "host", 0x30000000);
    edit_text(&edit, VM "/passthrough/uart@80fff000", "rights", "rw");
    edit_expect(&edit, STATUS_INVALID, VM "/passthrough/uart@80fff000", "reg",
                "takes 0x80fff000-0x81000fff, of which /vms/vm0/memory@80000000 has "
                "0x80000000-0x80ffffff already; move one of them");
    add(VM "/devices", "rtc", 0x23fffff8, 16);
    edit_text(&edit, VM "/devices/rtc@23fffff8", "compatible", "google,goldfish-rtc");
    edit_text(&edit, VM "/devices/rtc@23fffff8", "server", "npf-pager");
    edit_expect(&edit, STATUS_INVALID, VM "/devices/rtc@23fffff8", "reg",
                "takes 0x23fffff8-0x24000007, of which /vms/vm0/passthrough/pflash@22000000 has "
                "0x22000000-0x23ffffff already; move one of them");
    // Another VM has addresses of its own.
    edit_load(&edit, blob_two_vms);
    edit_expect_good(&edit);
}

static void test_reserved_memory_is_ram(void **state) {
    (void)state;
    edit_add(&edit, VM, "reserved-memory");
    add(VM "/reserved-memory", "a", 0x80fff000, 0x2000);
    edit_expect(&edit, STATUS_RANGE, VM "/reserved-memory/a@80fff000", "reg",
                "is not inside one of the VM's memory nodes; only RAM can be reserved");
    edit_add(&edit, VM, "reserved-memory");
    add(VM "/reserved-memory", "b", 0x80001000, 0x1000);
    add(VM "/reserved-memory", "a", 0x80000000, 0x2000);
    edit_expect(&edit, STATUS_EXISTS, VM "/reserved-memory/b@80001000", "reg",
                "overlaps `a`, which is reserved already; join or move them");
    edit_add(&edit, VM, "reserved-memory");
    for (uint64_t i = 0; i < MANIFEST_RESERVED; i++)
        add(VM "/reserved-memory", "a", 0x80000000 + i * 0x1000, 0x1000);
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.vm[0].reserved_count, MANIFEST_RESERVED);
    assert_false(edit.manifest.vm[0].reserved[0].no_map);
    add(VM "/reserved-memory", "a", 0x80010000, 0x1000);
    edit_expect(&edit, STATUS_NO_MEMORY, VM "/reserved-memory", "",
                "has more than 4 ranges; join some, or raise MANIFEST_RESERVED");
    edit_add(&edit, VM, "reserved-memory");
    add(VM "/reserved-memory", "a", 0x80010000, 0x1000);
    edit_text(&edit, VM "/reserved-memory/a@80010000", "no_map", "");
    edit_expect(&edit, STATUS_INVALID, VM "/reserved-memory/a@80010000", "no_map",
                "is unknown here; remove it or correct its name (there are: reg, no-map)");
}

static void test_passthrough_is_complete(void **state) {
    (void)state;
    edit_drop(&edit, PFLASH, "reg");
    edit_expect(&edit, STATUS_INVALID, PFLASH, "reg", "is missing; add it");
    edit_drop(&edit, PFLASH, "host");
    edit_expect(&edit, STATUS_INVALID, PFLASH, "host", "is missing; add it");
    EDIT_CELLS(&edit, PFLASH, "host", 0x22000800);
    edit_expect(&edit, STATUS_INVALID, PFLASH, "host",
                "is 0x22000800; choose a multiple of 0x1000");
    EDIT_CELLS(&edit, PFLASH, "host", 0x00ffffff, 0xff000000);
    edit_expect(&edit, STATUS_INVALID, PFLASH, "host",
                "is 72057594021150720; choose one from 0 to 72057594004373504");
    edit_drop(&edit, PFLASH, "rights");
    edit_expect(&edit, STATUS_INVALID, PFLASH, "rights", "is missing; add it");
    edit_text(&edit, PFLASH, "rights", "wr");
    edit_expect(&edit, STATUS_INVALID, PFLASH, "rights",
                "is \"wr\"; write one of \"r\", \"rw\", \"rx\", \"rwx\"");
    EDIT_CELLS(&edit, PFLASH, "bank-width", 16);
    edit_expect(&edit, STATUS_INVALID, PFLASH, "bank-width", "is 16; choose one from 1 to 8");
    EDIT_LIST(&edit, PFLASH, "compatible", "a\0b");
    edit_expect(&edit, STATUS_INVALID, PFLASH, "compatible", "is a list; write one text");
    edit_text(&edit, PFLASH, "server", "npf-pager");
    edit_expect(&edit, STATUS_INVALID, PFLASH, "server",
                "is unknown here; remove it or correct its name (there are: reg, host, rights, "
                "compatible, bank-width)");
    for (uint64_t i = 0; i < MANIFEST_PASSTHROUGH; i++)
        add(VM "/passthrough", "x", 0x30000000 + i * 0x1000, 0x1000);
    for (uint64_t i = 0; i < MANIFEST_PASSTHROUGH; i++) {
        char path[96];
        snprintf(path, sizeof(path), VM "/passthrough/x@%llx",
                 (unsigned long long)(0x30000000 + i * 0x1000));
        EDIT_CELLS(&edit, path, "host", (uint32_t)(0x40000000 + i * 0x1000));
        edit_text(&edit, path, "rights", "rw");
    }
    edit_expect(&edit, STATUS_NO_MEMORY, VM "/passthrough", "",
                "has more than 8 ranges; join some, or raise MANIFEST_PASSTHROUGH");
}

static void test_passed_through_devices_are_not_a_servers(void **state) {
    (void)state;
    EDIT_CELLS(&edit, PFLASH, "host", 0x0f000000);
    edit_expect(&edit, STATUS_INVALID, PFLASH, "host",
                "takes 0xf000000-0x10ffffff, of which /servers/console/uart@10000000 has "
                "0x10000000-0x10000fff already; move one of them");
    EDIT_CELLS(&edit, PFLASH, "host", 0x0b000000);
    edit_expect(&edit, STATUS_INVALID, PFLASH, "host",
                "takes 0xb000000-0xcffffff, of which /host/interrupt-controller@c000000 has "
                "0xc000000-0xc5fffff already; move one of them");
}

static void test_vms_share_only_what_neither_can_write(void **state) {
    (void)state;
    static const char *const banks[] = {"/vms/a/passthrough/pflash@22000000",
                                        "/vms/b/passthrough/pflash@22000000"};
    for (unsigned i = 0; i < 2; i++) {
        edit_load(&edit, blob_two_vms);
        edit_text(&edit, banks[i], "rights", "rw");
        edit_expect(&edit, STATUS_INVALID, banks[1], "host",
                    "takes 0x22000000-0x23ffffff, of which /vms/a/passthrough/pflash@22000000 has "
                    "0x22000000-0x23ffffff already; move one of them");
    }
    edit_load(&edit, blob_two_vms);
    edit_text(&edit, banks[0], "rights", "rx");
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.vm[0].passthrough[0].rights, RIGHT_R | RIGHT_X);
}

static void test_devices_have_a_server_that_plays_them(void **state) {
    (void)state;
    edit_text(&edit, RTC, "compatible", "google,goldfish-rct");
    edit_expect(&edit, STATUS_UNSUPPORTED, RTC, "compatible",
                "is \"google,goldfish-rct\", which is not among /servers/npf-pager's `emulates`; "
                "correct it or name another server");
    edit_text(&edit, RTC, "server", "timer-server");
    edit_expect(&edit, STATUS_UNSUPPORTED, RTC, "compatible",
                "is \"google,goldfish-rtc\", which is not among /servers/timer-server's "
                "`emulates`; correct it or name another server");
    edit_text(&edit, RTC, "server", "timer-server");
    edit_text(&edit, "/servers/timer-server", "emulates", "google,goldfish-rtc");
    edit_expect(&edit, STATUS_DENIED, RTC, "server",
                "names `timer-server`, but `npf-pager` gets the VM's stage2 exits and may not call "
                "it; add it to /servers/npf-pager's `calls`");
    edit_text(&edit, RTC, "server", "timer-server");
    edit_text(&edit, "/servers/timer-server", "emulates", "google,goldfish-rtc");
    EDIT_LIST(&edit, "/servers/npf-pager", "calls", "init\0timer-server");
    edit_expect_good(&edit);
    edit_reset(&edit);
    edit_drop(&edit, RTC, "server");
    edit_expect(&edit, STATUS_INVALID, RTC, "server", "is missing; add it");
    edit_drop(&edit, RTC, "compatible");
    edit_expect(&edit, STATUS_INVALID, RTC, "compatible", "is missing; add it");
    edit_text(&edit, RTC, "interrupts", "");
    edit_expect(&edit, STATUS_INVALID, RTC, "interrupts",
                "is unknown here; remove it or correct its name (there are: compatible, reg, "
                "server)");
    // Registers need no whole page.
    edit_reg(&edit, RTC, 0x101000, 0x20);
    edit_expect_good(&edit);
}

// Beside the clock that it has.
static void add_clocks(const char *devices, uint64_t count) {
    for (uint64_t at = 0x200000; at < 0x200000 + count * 8; at += 8) {
        char path[96];
        add(devices, "x", at, 8);
        snprintf(path, sizeof(path), "%s/x@%llx", devices, (unsigned long long)at);
        edit_text(&edit, path, "compatible", "google,goldfish-rtc");
        edit_text(&edit, path, "server", "npf-pager");
    }
}

static void test_devices_are_few(void **state) {
    (void)state;
    add_clocks(VM "/devices", MANIFEST_DEVICES - 1);
    edit_expect_good(&edit);
    edit_reset(&edit);
    add_clocks(VM "/devices", MANIFEST_DEVICES);
    edit_expect(&edit, STATUS_NO_MEMORY, VM "/devices", "",
                "has more than 8 devices; remove some, or raise MANIFEST_DEVICES");
    // In all VMs together: 8, 6, 1 and 1; then one more.
    edit_load(&edit, blob_five_vms);
    edit_remove(&edit, "/vms/e");
    add_clocks("/vms/a/devices", 7);
    add_clocks("/vms/b/devices", 5);
    edit_expect_good(&edit);
    add_clocks("/vms/c/devices", 1);
    edit_expect(&edit, STATUS_RANGE, "/vms/d/devices", "",
                "has more devices than there is room for: the VMs before it have 16 of the 16 that "
                "all can have together; remove some, here or there");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_vm_has_memory, reset),
        cmocka_unit_test_setup(test_memory_is_populated_in_one_of_two_ways, reset),
        cmocka_unit_test_setup(test_the_largest_page_that_fits_is_taken, reset),
        cmocka_unit_test_setup(test_regions_are_sorted_and_few, reset),
        cmocka_unit_test_setup(test_guest_addresses_have_one_meaning, reset),
        cmocka_unit_test_setup(test_reserved_memory_is_ram, reset),
        cmocka_unit_test_setup(test_passthrough_is_complete, reset),
        cmocka_unit_test_setup(test_passed_through_devices_are_not_a_servers, reset),
        cmocka_unit_test_setup(test_vms_share_only_what_neither_can_write, reset),
        cmocka_unit_test_setup(test_devices_have_a_server_that_plays_them, reset),
        cmocka_unit_test_setup(test_devices_are_few, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
