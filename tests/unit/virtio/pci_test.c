// What a PCI function says of itself is believed as far as it fits: its configuration space and its
// registers are plain memory here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libs/virtio/pci.h"

#define PLACE 0xd0000000ull
#define SIZE 0x4000u
#define STEP 4u

static struct {
    _Alignas(8) uint8_t function[4096];
    _Alignas(8) uint8_t registers[SIZE];
    struct virtio_pci pci;
} world;

static void put(unsigned at, unsigned size, uint32_t value) {
    memcpy(&world.function[at], &value, size);
}

static uint32_t look(const uint8_t *at, unsigned size) {
    uint32_t value = 0;
    memcpy(&value, at, size);
    return value;
}

static void capability(unsigned at, unsigned next, unsigned kind, unsigned bar, uint32_t offset,
                       uint32_t length) {
    put(at, 1, 9);
    put(at + 1, 1, next);
    put(at + 3, 1, kind);
    put(at + 4, 1, bar);
    put(at + 8, 4, offset);
    put(at + 12, 4, length);
}

// As QEMU lays a block device out: everything behind BAR 4, which has 64 bits.
static int begin(void **state) {
    (void)state;
    memset(&world, 0, sizeof(world));
    put(0x00, 2, 0x1af4);
    put(0x02, 2, 0x1042);
    put(0x04, 2, 2);
    put(0x06, 2, 0x10);
    put(0x20, 4, 0xfe00000c);
    put(0x24, 4, 0x1);
    put(0x34, 1, 0x40);
    put(0x40, 1, 0x11); // MSI-X, which is none of ours
    put(0x41, 1, 0x50);
    capability(0x50, 0x60, 1, 4, 0x0000, 0x1000);
    capability(0x60, 0x70, 3, 4, 0x1000, 0x1000);
    capability(0x70, 0x80, 4, 4, 0x2000, 0x1000);
    capability(0x80, 0x00, 2, 4, 0x3000, 0x1000);
    put(0x90, 4, STEP);
    return 0;
}

static enum status open_it(const char **why) {
    const struct virtio_pci_place place = {world.function, world.registers, PLACE, SIZE};
    *why = NULL;
    enum status status = virtio_pci_open(&world.pci, &place, why);
    assert_true((status == STATUS_OK) == (*why == NULL));
    return status;
}

static void refused(enum status expected) {
    const char *why;
    assert_int_equal(open_it(&why), expected);
}

static void test_registers_are_put_in_their_place(void **state) {
    (void)state;
    const char *why;
    assert_int_equal(open_it(&why), STATUS_OK);
    assert_int_equal(world.pci.transport.type, VIRTIO_TYPE_BLOCK);
    assert_int_equal(look(&world.function[0x20], 4), PLACE);
    assert_int_equal(look(&world.function[0x24], 4), 0);
    assert_int_equal(look(&world.function[0x04], 2), 6); // memory, and it may reach memory itself
    assert_ptr_equal(world.pci.common, world.registers);
    assert_ptr_equal(world.pci.interrupt, world.registers + 0x1000);
    assert_ptr_equal(world.pci.config, world.registers + 0x2000);
    assert_ptr_equal(world.pci.notifications, world.registers + 0x3000);
}

static void test_a_queue_is_handed_over_and_notified(void **state) {
    (void)state;
    const char *why;
    assert_int_equal(open_it(&why), STATUS_OK);
    struct virtio_transport *transport = &world.pci.transport;
    const struct virtqueue queue = {.size = 16,
                                    .descriptors_at = 0x123456000,
                                    .available_at = 0x234567000,
                                    .used_at = 0x345678000};
    uint8_t *common = world.registers;
    common[0x1e] = 3; // where the queue is notified, in steps
    assert_int_equal(transport->operations->queue_enable(transport, 2, &queue), STATUS_OK);
    assert_int_equal(look(common + 0x16, 2), 2);
    assert_int_equal(look(common + 0x18, 2), 16);
    assert_int_equal(look(common + 0x1c, 2), 1);
    assert_int_equal(look(common + 0x20, 4), 0x23456000);
    assert_int_equal(look(common + 0x24, 4), 1);
    assert_int_equal(look(common + 0x34, 4), 3);
    assert_int_equal(transport->operations->queue_enable(transport, 2, &queue), STATUS_BUSY);
    transport->operations->notify(transport, 2);
    assert_int_equal(look(world.registers + 0x3000 + 3ul * STEP, 2), 2);
}

// It says that a queue is notified where its part has no place.
static void test_nothing_is_written_behind_the_part(void **state) {
    (void)state;
    const char *why;
    assert_int_equal(open_it(&why), STATUS_OK);
    world.registers[0x1e] = 0xff;
    world.registers[0x1f] = 0xff;
    uint8_t before[SIZE];
    world.pci.transport.operations->notify(&world.pci.transport, 0);
    memcpy(before, world.registers, SIZE);
    world.pci.transport.operations->notify(&world.pci.transport, 0);
    assert_memory_equal(before, world.registers, SIZE);
    assert_int_equal(look(world.registers + 0x3000, 4), 0);
}

// The configuration is as short as the device says; behind it may be nothing at all.
static void test_nothing_is_read_behind_the_configuration(void **state) {
    (void)state;
    const char *why;
    capability(0x70, 0x80, 4, 4, SIZE - 12, 12);
    memset(&world.registers[SIZE - 12], 0x5a, 12);
    assert_int_equal(open_it(&why), STATUS_OK);
    struct virtio_transport *transport = &world.pci.transport;
    assert_int_equal(transport->operations->config_read(transport, 0, 8), 0x5a5a5a5a5a5a5a5a);
    assert_int_equal(transport->operations->config_read(transport, 8, 4), 0x5a5a5a5a);
    assert_int_equal(transport->operations->config_read(transport, 8, 8), 0);
    assert_int_equal(transport->operations->config_read(transport, 12, 1), 0);
    transport->operations->config_write(transport, 12, 4, 1);
    transport->operations->config_write(transport, 8, 8, 1);
    assert_int_equal(look(&world.registers[SIZE - 4], 4), 0x5a5a5a5a);
}

static void test_an_empty_place(void **state) {
    (void)state;
    memset(world.function, 0xff, sizeof(world.function));
    refused(STATUS_NOT_FOUND);
}

static void test_other_devices_are_refused(void **state) {
    put(0x02, 2, 0x1001); // a legacy block device
    refused(STATUS_UNSUPPORTED);
    begin(state);
    put(0x00, 2, 0x8086);
    refused(STATUS_UNSUPPORTED);
}

static void test_parts_that_do_not_fit_are_refused(void **state) {
    const uint32_t wrong[][2] = {{0x3001, 0x1000}, {0, SIZE + 1}, {UINT32_MAX, 2},
                                 {2, UINT32_MAX},  {0, 0},        {0, 0x37}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin(state);
        capability(0x50, 0x60, 1, 4, wrong[i][0], wrong[i][1]);
        refused(STATUS_UNSUPPORTED);
        assert_int_equal(look(&world.function[0x20], 4), 0xfe00000c); // nothing was moved
    }
}

static void test_parts_behind_several_bars_are_refused(void **state) {
    (void)state;
    capability(0x60, 0x70, 3, 1, 0x1000, 0x1000);
    refused(STATUS_UNSUPPORTED);
}

static void test_bars_that_cannot_be_used_are_refused(void **state) {
    put(0x20, 4, 0xc001); // ports
    refused(STATUS_UNSUPPORTED);
    begin(state);
    for (unsigned at = 0x50; at <= 0x80; at += 0x10)
        put(at + 4, 1, 5);
    put(0x24, 4, 0xfe000004); // 64 bits, and there is no next one
    refused(STATUS_UNSUPPORTED);
}

static void test_a_list_that_goes_round_ends(void **state) {
    (void)state;
    put(0x41, 1, 0x40);
    refused(STATUS_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_registers_are_put_in_their_place, begin),
        cmocka_unit_test_setup(test_a_queue_is_handed_over_and_notified, begin),
        cmocka_unit_test_setup(test_nothing_is_written_behind_the_part, begin),
        cmocka_unit_test_setup(test_nothing_is_read_behind_the_configuration, begin),
        cmocka_unit_test_setup(test_an_empty_place, begin),
        cmocka_unit_test_setup(test_other_devices_are_refused, begin),
        cmocka_unit_test_setup(test_parts_that_do_not_fit_are_refused, begin),
        cmocka_unit_test_setup(test_parts_behind_several_bars_are_refused, begin),
        cmocka_unit_test_setup(test_bars_that_cannot_be_used_are_refused, begin),
        cmocka_unit_test_setup(test_a_list_that_goes_round_ends, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
