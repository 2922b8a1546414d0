// The disk behind the machine's virtio-mmio slots, with a device that follows the VirtIO
// specification and one that does not answer.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "servers/fs-loader/disk.h"
#include "tests/unit/fsloader/world.h"
#include "tests/unit/virtio/device.h"

#define SLOTS 8
#define SECTORS 100000u

static struct device device;
static struct fs_disk disk;
static struct virtio_mmio_access slots[SLOTS];

// A slot without a device (4.2.2: the device's type is 0), one whose device is another, and no slot
// at all.
static uint32_t read_empty(void *context, unsigned offset, unsigned size) {
    (void)context, (void)size;
    return offset == 0 ? 0x74726976 : offset == 4 ? 2 : 0;
}
static uint32_t read_network(void *context, unsigned offset, unsigned size) {
    return offset == 8 ? 1 : read_empty(context, offset, size);
}
static uint32_t read_legacy(void *context, unsigned offset, unsigned size) {
    return offset == 8 ? 2 : offset == 4 ? 1 : read_empty(context, offset, size);
}
static uint32_t read_nothing(void *context, unsigned offset, unsigned size) {
    (void)context, (void)size;
    return offset == 8 ? 2 : UINT32_MAX;
}
static void write_nowhere(void *context, unsigned offset, unsigned size, uint32_t value) {
    (void)context, (void)size;
    fail_msg("0x%x was written to register 0x%x of a slot without a disk", value, offset);
}

static void work(void) { device_work(&device); }

static int begin(void **state) {
    world_begin(state);
    device_make(&device, SECTORS);
    memset(&disk, 0, sizeof(disk));
    disk.timebase = 10000000;
    world.at_now = work;
    for (unsigned i = 0; i < SLOTS; i++)
        slots[i] = (struct virtio_mmio_access){i == 1   ? read_network
                                               : i == 2 ? read_nothing
                                                        : read_empty,
                                               write_nowhere, NULL};
    slots[5] = device_access(&device);
    return 0;
}

static int end(void **state) {
    device_drop(&device);
    return world_end(state);
}

static enum status open_disk(void) {
    const struct virtio_memory queue = device_memory(&device, 0, VIRTIO_BLK_MEMORY_SIZE);
    const struct disk_memory memory = {device.memory + (1 << 20), 2 << 20,
                                       DEVICE_MEMORY_AT + (1 << 20)};
    assert_int_equal(disk_add_memory(&disk, &memory), STATUS_OK);
    return disk_open(&disk, slots, SLOTS, &queue);
}

static enum status read_to(uint64_t sector, uint32_t count, void *buffer) {
    struct block_reader reader = disk_reader(&disk);
    return reader.read(reader.context, sector, count, buffer);
}

static void test_disk_is_found_in_any_slot(void **context) {
    (void)context;
    assert_int_equal(open_disk(), STATUS_OK);
    assert_int_equal(disk_reader(&disk).capacity, SECTORS);
    uint8_t *buffer = device.memory + (1 << 20) + 12345;
    assert_int_equal(read_to(777, 2000, buffer), STATUS_OK);
    uint8_t expected[512];
    for (unsigned i = 0; i < 2000; i++) {
        device_sector(777 + i, expected);
        assert_memory_equal(buffer + (size_t)i * 512, expected, 512);
    }
    assert_int_equal(device.requests, 1); // however large
    assert_string_equal(disk.error, "");
}

static void test_missing_disk_is_said(void **context) {
    (void)context;
    slots[5].read = read_empty;
    assert_int_equal(open_disk(), STATUS_NOT_FOUND);
    assert_non_null(strstr(disk.error, "-device virtio-blk-device"));
    slots[6].read = read_legacy;
    assert_int_equal(open_disk(), STATUS_UNSUPPORTED);
    assert_non_null(strstr(disk.error, "force-legacy=false"));
    // A legacy disk beside a usable one harms nobody.
    slots[7] = device_access(&device);
    assert_int_equal(open_disk(), STATUS_OK);
}

static void test_refused_disk_says_why(void **context) {
    (void)context;
    device.fault = FAULT_NO_FEATURES;
    assert_int_equal(open_disk(), STATUS_UNSUPPORTED);
    assert_true(strlen(disk.error) > 10);
}

static void test_silent_disk_is_given_up_after_five_seconds(void **context) {
    (void)context;
    assert_int_equal(open_disk(), STATUS_OK);
    device.fault = FAULT_SILENT;
    disk.timebase = 100000; // each look at the clock is one tick
    uint64_t before = world.now;
    assert_int_equal(read_to(0, 1, device.memory + (1 << 20)), STATUS_IO);
    assert_in_range(world.now - before, 500000, 500002);
    assert_string_equal(disk.error, "the block device did not answer in time");
    assert_int_equal(read_to(0, 1, device.memory + (1 << 20)), STATUS_IO);
    assert_string_equal(disk.error, "the block device failed before and was given up");
}

// A minute passes, and then the device gets to its work, but not at once.
static void stand_still(void) {
    static unsigned looks;
    if (++looks == 2) // the first one sets the deadline
        world.now += 60 * disk.timebase;
    if (looks == 50000)
        device.fault = FAULT_NONE;
    device_work(&device);
}

static void test_disk_of_a_machine_that_stood_still_is_waited_for(void **context) {
    (void)context;
    assert_int_equal(open_disk(), STATUS_OK);
    device.fault = FAULT_SILENT;
    world.at_now = stand_still;
    assert_int_equal(read_to(0, 1, device.memory + (1 << 20)), STATUS_OK);
}

static void break_down(void) { device.status |= 64; }

static void test_broken_disk_is_not_waited_for(void **context) {
    (void)context;
    assert_int_equal(open_disk(), STATUS_OK);
    device.fault = FAULT_SILENT;
    world.at_now = break_down;
    uint64_t before = world.now;
    assert_int_equal(read_to(0, 1, device.memory + (1 << 20)), STATUS_IO);
    assert_true(world.now - before < 3);
    assert_string_equal(disk.error, "the block device broke down and asks to be reset");
}

static void test_reads_go_nowhere_but_to_the_disks_memory(void **context) {
    (void)context;
    assert_int_equal(open_disk(), STATUS_OK);
    uint8_t *first = device.memory + (1 << 20), *end_of_it = first + (2 << 20);
    uint8_t stranger[512];
    assert_int_equal(read_to(0, 1, stranger), STATUS_RANGE);
    assert_string_equal(disk.error, "the memory to read to is not the disk's");
    assert_int_equal(read_to(0, 1, first - 1), STATUS_RANGE);
    assert_int_equal(read_to(0, 1, end_of_it - 511), STATUS_RANGE);
    assert_int_equal(read_to(0, 4097, first), STATUS_RANGE);
    assert_int_equal(device.requests, 0);
    assert_int_equal(read_to(0, 1, end_of_it - 512), STATUS_OK);
    assert_int_equal(read_to(0, 4096, first), STATUS_OK);
    // Each memory has its own address.
    const struct disk_memory other = {stranger, sizeof(stranger), DEVICE_MEMORY_AT + (8 << 20)};
    assert_int_equal(disk_add_memory(&disk, &other), STATUS_OK);
    uint8_t expected[512];
    device_sector(9, expected);
    assert_int_equal(read_to(9, 1, stranger), STATUS_OK);
    assert_memory_equal(device.memory + (8 << 20), expected, 512);
}

static void test_sectors_behind_the_end_are_refused(void **context) {
    (void)context;
    assert_int_equal(open_disk(), STATUS_OK);
    uint8_t *buffer = device.memory + (1 << 20);
    assert_int_equal(read_to(SECTORS - 1, 1, buffer), STATUS_OK);
    assert_int_equal(read_to(SECTORS - 1, 2, buffer), STATUS_RANGE);
    assert_int_equal(read_to(UINT64_MAX, 1, buffer), STATUS_RANGE);
}

static void test_memories_have_a_bound(void **context) {
    (void)context;
    const struct disk_memory memory = {device.memory, 4096, DEVICE_MEMORY_AT};
    for (unsigned i = 0; i < DISK_MEMORIES; i++)
        assert_int_equal(disk_add_memory(&disk, &memory), STATUS_OK);
    assert_int_equal(disk_add_memory(&disk, &memory), STATUS_NO_MEMORY);
}

#define DISK_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        DISK_TEST(test_disk_is_found_in_any_slot),
        DISK_TEST(test_missing_disk_is_said),
        DISK_TEST(test_refused_disk_says_why),
        DISK_TEST(test_silent_disk_is_given_up_after_five_seconds),
        DISK_TEST(test_disk_of_a_machine_that_stood_still_is_waited_for),
        DISK_TEST(test_broken_disk_is_not_waited_for),
        DISK_TEST(test_reads_go_nowhere_but_to_the_disks_memory),
        DISK_TEST(test_sectors_behind_the_end_are_refused),
        DISK_TEST(test_memories_have_a_bound),
    };
    return cmocka_run_group_tests(tests, world_make_disk, world_remove_disk);
}
