// The block driver over virtio-mmio against a device that was written from the specification.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libs/virtio/blk.h"
#include "tests/unit/virtio/device.h"

#define SECTORS 100000u
#define TARGET 8192u // where reads go, in the device's memory

static struct device device;
static struct virtio_mmio mmio;
static struct virtio_blk blk;
static unsigned polls, poll_limit, begins;

static enum status work(void *context) {
    (void)context;
    if (polls++ >= poll_limit)
        return STATUS_BUSY;
    device_work(&device);
    return STATUS_OK;
}

static void begin(void *context) {
    (void)context;
    polls = 0;
    begins++;
}

static int make(void **state) {
    (void)state;
    device_make(&device, SECTORS);
    poll_limit = 100;
    begins = 0;
    return 0;
}

static int drop(void **state) {
    (void)state;
    device_drop(&device);
    return 0;
}

static enum status init_with(bool interrupts) {
    const struct virtio_mmio_access access = device_access(&device);
    const struct virtio_memory memory = device_memory(&device, 0, VIRTIO_BLK_MEMORY_SIZE);
    const struct virtio_blk_wait wait = {work, begin, NULL};
    const char *why = NULL;
    if (virtio_mmio_open(&mmio, &access, &why) != STATUS_OK)
        fail_msg("%s", why);
    return virtio_blk_init(&blk, &mmio.transport, &memory, &wait, interrupts);
}

static void expect_init(enum status status, const char *text) {
    assert_int_equal(init_with(false), status);
    assert_string_equal(virtio_blk_error_text(&blk), text);
}

static void expect_read(uint64_t sector, uint32_t count) {
    if (virtio_blk_read(&blk, sector, count, DEVICE_MEMORY_AT + TARGET) != STATUS_OK)
        fail_msg("%s", virtio_blk_error_text(&blk));
    for (uint32_t i = 0; i < count; i++) {
        uint8_t expected[512];
        device_sector(sector + i, expected);
        assert_memory_equal(device.memory + TARGET + i * 512ull, expected, 512);
    }
}

static void expect_failure(enum status status, const char *text) {
    assert_int_equal(virtio_blk_read(&blk, 5, 3, DEVICE_MEMORY_AT + TARGET), status);
    assert_string_equal(virtio_blk_error_text(&blk), text);
}

static void test_initialisation_follows_the_steps(void **state) {
    (void)state;
    assert_int_equal(init_with(false), STATUS_OK);
    // 3.1.1: reset, ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK.
    static const uint8_t steps[] = {0, 1, 3, 11, 15};
    assert_int_equal(device.status_count, sizeof(steps));
    assert_memory_equal(device.status_writes, steps, sizeof(steps));
    assert_int_equal(device.driver_features, 1ull << 32); // nothing that this driver does not know
    assert_int_equal(blk.capacity, SECTORS);
    assert_int_equal(device.queue[0].size, 128);
    assert_false(blk.read_only);
    device.features |= 1ull << 5;
    assert_int_equal(init_with(false), STATUS_OK);
    assert_true(blk.read_only);
}

static void test_reads(void **state) {
    (void)state;
    assert_int_equal(init_with(false), STATUS_OK);
    expect_read(0, 1);
    expect_read(SECTORS - 1, 1);
    expect_read(1234, 77);
    expect_read(0, 0);
    assert_int_equal(device.requests, 3);
    assert_int_equal(device.notifications, 3);
    assert_int_equal(begins, 3);
    // The queue's indices run over several times.
    for (unsigned i = 0; i < 70000; i++)
        assert_int_equal(virtio_blk_read(&blk, i, 1, DEVICE_MEMORY_AT + TARGET), STATUS_OK);
    expect_read(99, 9);
}

static void test_read_of_tens_of_megabytes(void **state) {
    (void)state;
    assert_int_equal(init_with(false), STATUS_OK);
    expect_read(17, 80001); // 40 MB and a sector
    assert_int_equal(device.requests, 3);
    assert_int_equal(device.bytes, 80001ull * 512);
}

static void test_limits_are_kept(void **state) {
    (void)state;
    static const struct {
        uint32_t size_max, segments_max, queue_most, block_size;
        unsigned requests; // for 1024 sectors
    } cases[] = {
        {4096, 4, 1024, 512, 32},  {512, 1, 1024, 512, 1024},
        {1000, 3, 1024, 512, 205}, {65536, 254, 64, 512, 1},
        {4096, 254, 16, 512, 10},  {100, 6, 1024, 512, 1024},
        {5000, 2, 1024, 4096, 64}, {1u << 31, 126, 1024, 512, 1},
        {512, 126, 4, 512, 512},   {0xffffffff, 0xffffffff, 1024, 512, 1},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        device_drop(&device);
        device_make(&device, SECTORS);
        device_set_size_max(&device, cases[i].size_max);
        device_set_segments_max(&device, cases[i].segments_max);
        device_set_block_size(&device, cases[i].block_size);
        device.queue_most = cases[i].queue_most;
        assert_int_equal(init_with(false), STATUS_OK);
        expect_read(800, 1024);
        assert_int_equal(device.requests, cases[i].requests);
        assert_in_range(device.largest_piece, 1, cases[i].size_max);
        assert_in_range(device.most_pieces, 1, cases[i].segments_max);
    }
}

static void test_blocks_larger_than_sectors(void **state) {
    (void)state;
    device_set_block_size(&device, 4096);
    assert_int_equal(init_with(false), STATUS_OK);
    expect_read(8, 16);
    static const char text[] = "the sectors are not whole blocks of the block device";
    assert_int_equal(virtio_blk_read(&blk, 4, 8, DEVICE_MEMORY_AT), STATUS_INVALID);
    assert_string_equal(virtio_blk_error_text(&blk), text);
    assert_int_equal(virtio_blk_read(&blk, 8, 4, DEVICE_MEMORY_AT), STATUS_INVALID);
    expect_read(16, 8);
}

static void test_addresses_out_of_range(void **state) {
    (void)state;
    assert_int_equal(init_with(false), STATUS_OK);
    assert_int_equal(virtio_blk_read(&blk, SECTORS, 1, DEVICE_MEMORY_AT), STATUS_RANGE);
    assert_int_equal(virtio_blk_read(&blk, SECTORS - 1, 2, DEVICE_MEMORY_AT), STATUS_RANGE);
    assert_int_equal(virtio_blk_read(&blk, UINT64_MAX, 2, DEVICE_MEMORY_AT), STATUS_RANGE);
    assert_int_equal(virtio_blk_read(&blk, 0, UINT32_MAX, DEVICE_MEMORY_AT), STATUS_RANGE);
    assert_int_equal(virtio_blk_read(&blk, 0, 2, UINT64_MAX - 1000), STATUS_RANGE);
    assert_int_equal(device.requests, 0);
    expect_read(1, 1);
}

static void test_slow_device(void **state) {
    (void)state;
    device.delay = 50;
    assert_int_equal(init_with(false), STATUS_OK);
    expect_read(1, 2);
    assert_in_range(polls, 50, 60);
}

static void test_device_that_needs_no_notification(void **state) {
    (void)state;
    device.no_notify = true;
    assert_int_equal(init_with(false), STATUS_OK);
    device_work(&device); // it sets the flag
    expect_read(1, 2);
    expect_read(3, 4);
    assert_int_equal(device.notifications, 0);
}

static void test_interrupts(void **state) {
    (void)state;
    assert_int_equal(init_with(true), STATUS_OK);
    assert_int_equal(virtio_blk_interrupt(&blk), 0);
    expect_read(1, 2);
    assert_int_equal(virtio_blk_interrupt(&blk), VIRTIO_INTERRUPT_QUEUE);
    assert_int_equal(device.interrupt, 0);
    assert_int_equal(init_with(false), STATUS_OK);
    expect_read(1, 2);
    assert_int_equal(device.interrupt, 0); // it was asked to do without
}

static void test_errors_that_the_device_reports(void **state) {
    (void)state;
    assert_int_equal(init_with(false), STATUS_OK);
    device.fault = FAULT_IO_ERROR;
    expect_failure(STATUS_IO, "the block device reports an error");
    device.fault = FAULT_UNSUPPORTED;
    expect_failure(STATUS_IO, "the block device reports an error");
    device.fault = FAULT_NONE; // it goes on
    expect_read(1, 2);
}

static void test_answers_that_are_none(void **state) {
    (void)state;
    static const char used_ring[] = "the block device answered what it was not asked (used ring)";
    static const char odd[] = "the block device's answer is none that there is";
    static const struct {
        enum fault fault;
        enum status status;
        const char *text;
    } cases[] = {
        {FAULT_SILENT, STATUS_IO, "the block device did not answer in time"},
        {FAULT_ID_TOO_LARGE, STATUS_CORRUPT, used_ring},
        {FAULT_ID_OF_NOTHING, STATUS_CORRUPT, used_ring},
        {FAULT_LENGTH_TOO_LARGE, STATUS_CORRUPT, used_ring},
        {FAULT_INDEX_JUMPS, STATUS_CORRUPT, used_ring},
        {FAULT_ANSWERS_TWICE, STATUS_CORRUPT, used_ring},
        {FAULT_NO_STATUS, STATUS_CORRUPT, odd},
        {FAULT_ODD_STATUS, STATUS_CORRUPT, odd},
        {FAULT_LENGTH_TOO_SHORT, STATUS_CORRUPT,
         "the block device read less than it was asked to, without an error"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        device.fault = FAULT_NONE;
        assert_int_equal(init_with(false), STATUS_OK);
        expect_read(1, 2);
        device.fault = cases[i].fault;
        expect_failure(cases[i].status, cases[i].text);
        assert_int_equal(device.status, 0); // reset: it touches no memory any more
        device.fault = FAULT_NONE;
        unsigned requests = device.requests;
        expect_failure(STATUS_IO, "the block device failed before and was given up");
        assert_int_equal(device.requests, requests);
    }
    device.fault = FAULT_SCRIBBLES; // its own table only: nothing here depends on it
    assert_int_equal(init_with(false), STATUS_OK);
    expect_read(1, 2);
    expect_read(3, 4);
}

static void test_device_that_does_not_reset(void **state) {
    (void)state;
    assert_int_equal(init_with(false), STATUS_OK);
    device.fault = FAULT_NO_RESET;
    poll_limit = 0;
    expect_failure(STATUS_IO, "the block device neither answers nor resets");
    expect_init(STATUS_IO, "the device does not answer a reset");
}

static void test_initialisation_that_fails(void **state) {
    (void)state;
    device.fault = FAULT_NO_FEATURES;
    expect_init(STATUS_UNSUPPORTED, "the device needs features that this driver does not have");
    assert_int_equal(device.status & 0x80, 0x80); // FAILED
    device.fault = FAULT_QUEUE_READY;
    expect_init(STATUS_IO, "the block device's queue is in use, right after a reset");
    device.fault = FAULT_CONFIG_MOVES;
    expect_init(STATUS_IO, "the block device's configuration does not stand still");
    device.fault = FAULT_NONE;
    device.type = 1;
    expect_init(STATUS_UNSUPPORTED, "the VirtIO device is no block device");
    device.type = 2;
    device.features &= ~(1ull << 32);
    expect_init(STATUS_UNSUPPORTED, "the device is a legacy one, from before VirtIO 1.0");
    device.features |= 1ull << 32;
    for (device.queue_most = 0; device.queue_most < 4; device.queue_most++)
        expect_init(STATUS_UNSUPPORTED, "the block device's queue is too small");
    device.queue_most = 128;
    static const uint32_t sizes[] = {0, 1, 256, 513, 131072, 0x80000000};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        device_set_block_size(&device, sizes[i]);
        expect_init(STATUS_UNSUPPORTED,
                    "the block device's block size is not a power of two from 512 to 65536");
    }
    device_set_block_size(&device, 512);
    static const char limits[] =
        "the block device's limits on requests do not allow to read one block";
    device_set_segments_max(&device, 0);
    expect_init(STATUS_UNSUPPORTED, limits);
    device_set_segments_max(&device, 126);
    device_set_size_max(&device, 4);
    expect_init(STATUS_UNSUPPORTED, limits);
    device_set_size_max(&device, 0);
    expect_init(STATUS_UNSUPPORTED, limits);
    expect_failure(STATUS_IO, "the block device failed before and was given up");
}

static void test_memory_that_does_not_do(void **state) {
    (void)state;
    const struct virtio_mmio_access access = device_access(&device);
    const struct virtio_blk_wait wait = {work, begin, NULL};
    const char *why;
    assert_int_equal(virtio_mmio_open(&mmio, &access, &why), STATUS_OK);
    struct virtio_memory memory = device_memory(&device, 0, VIRTIO_BLK_MEMORY_SIZE - 1);
    assert_int_equal(virtio_blk_init(&blk, &mmio.transport, &memory, &wait, false),
                     STATUS_NO_MEMORY);
    memory = device_memory(&device, 8, VIRTIO_BLK_MEMORY_SIZE);
    assert_int_equal(virtio_blk_init(&blk, &mmio.transport, &memory, &wait, false), STATUS_INVALID);
}

static void expect_no_device(enum status status, const char *text) {
    const struct virtio_mmio_access access = device_access(&device);
    const char *why = NULL;
    assert_int_equal(virtio_mmio_open(&mmio, &access, &why), status);
    assert_string_equal(why, text);
}

static void test_what_is_no_modern_device(void **state) {
    (void)state;
    device.version = 1;
    expect_no_device(STATUS_UNSUPPORTED, "the virtio-mmio device is a legacy one (version 1): give "
                                         "QEMU -global virtio-mmio.force-legacy=false");
    device.version = 3;
    expect_no_device(STATUS_UNSUPPORTED,
                     "the virtio-mmio device has a version that is neither 1 nor 2");
    device.version = 2;
    device.type = 0;
    expect_no_device(STATUS_NOT_FOUND, "there is no device behind the virtio-mmio registers");
    device.magic = 0;
    expect_no_device(STATUS_CORRUPT, "there are no virtio-mmio registers");
}

// Registers in memory, as they are on a real machine, in each of the sizes that there are.
static void test_window(void **state) {
    (void)state;
    static _Alignas(8) uint8_t window[0x200], expected[0x200];
    const struct virtio_mmio_access access = virtio_mmio_window(window);
    memcpy(window + 0x100, "\x11\x22\x33\x44", 4);
    assert_int_equal(access.read(access.context, 0x100, 4), 0x44332211);
    assert_int_equal(access.read(access.context, 0x102, 2), 0x4433);
    assert_int_equal(access.read(access.context, 0x103, 1), 0x44);
    access.write(access.context, 0x50, 4, 0xaabbccdd);
    access.write(access.context, 0x106, 2, 0x1234);
    access.write(access.context, 0x109, 1, 0x56);
    memcpy(expected + 0x100, "\x11\x22\x33\x44", 4);
    memcpy(expected + 0x50, "\xdd\xcc\xbb\xaa", 4);
    memcpy(expected + 0x106, "\x34\x12", 2);
    expected[0x109] = 0x56;
    assert_memory_equal(window, expected, sizeof(window));

    // A field of the device's configuration is written through the same registers.
    memcpy(window, "virt\2\0\0\0\2\0\0\0", 12);
    const char *why;
    assert_int_equal(virtio_mmio_open(&mmio, &access, &why), STATUS_OK);
    struct virtio_transport *transport = &mmio.transport;
    transport->operations->config_write(transport, 0x10, 8, 0x1122334455667788);
    assert_int_equal(transport->operations->config_read(transport, 0x10, 8), 0x1122334455667788);
    transport->operations->config_write(transport, 0x12, 2, 0xaaaa);
    assert_int_equal(transport->operations->config_read(transport, 0x10, 4), 0xaaaa7788);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(test_initialisation_follows_the_steps),
        TEST(test_reads),
        TEST(test_read_of_tens_of_megabytes),
        TEST(test_limits_are_kept),
        TEST(test_blocks_larger_than_sectors),
        TEST(test_addresses_out_of_range),
        TEST(test_slow_device),
        TEST(test_device_that_needs_no_notification),
        TEST(test_interrupts),
        TEST(test_errors_that_the_device_reports),
        TEST(test_answers_that_are_none),
        TEST(test_device_that_does_not_reset),
        TEST(test_initialisation_that_fails),
        TEST(test_memory_that_does_not_do),
        TEST(test_what_is_no_modern_device),
        TEST(test_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
