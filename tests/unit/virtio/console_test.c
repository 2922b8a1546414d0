// The console driver over virtio-mmio against a device that was written from the specification.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libs/virtio/console.h"
#include "libs/virtio/mmio.h"
#include "tests/unit/virtio/device.h"

static struct device device;
static struct virtio_mmio mmio;
static struct virtio_console console;

static int make(void **state) {
    (void)state;
    device_make_console(&device);
    return 0;
}

static int drop(void **state) {
    (void)state;
    device_drop(&device);
    return 0;
}

static enum status init(void) {
    const struct virtio_mmio_access access = device_access(&device);
    const struct virtio_memory memory = device_memory(&device, 0, VIRTIO_CONSOLE_MEMORY_SIZE);
    const char *why = NULL;
    if (virtio_mmio_open(&mmio, &access, &why) != STATUS_OK)
        fail_msg("%s", why);
    return virtio_console_init(&console, &mmio.transport, &memory);
}

static uint8_t pattern(size_t at) { return (uint8_t)(at * 167 >> 3 ^ at); }

static void send(size_t begin, size_t size) {
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = pattern(begin + i);
        device_send(&device, &byte, 1);
    }
}

static void test_initialisation_follows_the_steps(void **state) {
    (void)state;
    assert_int_equal(init(), STATUS_OK);
    // 3.1.1: reset, ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK.
    static const uint8_t steps[] = {0, 1, 3, 11, 15};
    assert_int_equal(device.status_count, sizeof(steps));
    assert_memory_equal(device.status_writes, steps, sizeof(steps));
    assert_int_equal(device.driver_features, 1ull << 32);
    assert_int_equal(device.queue[0].ready & device.queue[1].ready, 1);
    assert_int_equal(device.notifications, 1); // of the buffers to receive to
}

static void test_bytes_arrive_in_order(void **state) {
    (void)state;
    static const size_t reads[] = {1, 7, 1024, 1025, 5000};
    assert_int_equal(init(), STATUS_OK);
    uint8_t bytes[5000];
    assert_int_equal(virtio_console_read(&console, bytes, sizeof(bytes)), 0);
    size_t sent = 0, got = 0;
    for (unsigned i = 0; got < 100000; i++) {
        device.most_at_once = i % 5 * 100;
        send(sent, 997);
        sent += 997;
        device_work(&device);
        size_t size = reads[i % 5], n = virtio_console_read(&console, bytes, size);
        assert_true(n <= size);
        for (size_t j = 0; j < n; j++)
            assert_int_equal(bytes[j], pattern(got + j));
        got += n;
        if (i % 7 == 0)
            assert_int_equal(virtio_console_interrupt(&console) & ~1u, 0);
    }
}

static void test_interrupt_says_that_something_came(void **state) {
    (void)state;
    assert_int_equal(init(), STATUS_OK);
    device_work(&device);
    assert_int_equal(virtio_console_interrupt(&console), 0);
    send(0, 1);
    device_work(&device);
    assert_int_equal(virtio_console_interrupt(&console), 1);
    assert_int_equal(virtio_console_interrupt(&console), 0);
}

static void test_bytes_leave_in_order(void **state) {
    (void)state;
    static uint8_t bytes[20000];
    assert_int_equal(init(), STATUS_OK);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = pattern(i);
    // As much as there are buffers for, while the device does nothing.
    size_t most = (size_t)VIRTIO_CONSOLE_BUFFERS * VIRTIO_CONSOLE_BUFFER_SIZE;
    size_t done = virtio_console_write(&console, bytes, sizeof(bytes));
    assert_int_equal(done, most);
    assert_int_equal(virtio_console_write(&console, bytes + done, 1), 0);
    while (done < sizeof(bytes)) {
        device_work(&device);
        assert_int_equal(virtio_console_interrupt(&console), 1); // there is room again
        done += virtio_console_write(&console, bytes + done, sizeof(bytes) - done);
    }
    device_work(&device);
    assert_int_equal(device.got_count, sizeof(bytes));
    assert_memory_equal(device.got, bytes, sizeof(bytes));
    // What fits asks for no interrupt.
    (void)virtio_console_interrupt(&console);
    assert_int_equal(virtio_console_write(&console, bytes, 5), 5);
    device_work(&device);
    assert_int_equal(virtio_console_interrupt(&console), 0);
    assert_int_equal(virtio_console_write(&console, bytes, 0), 0);
}

static void test_answers_that_are_none_end_it(void **state) {
    static const enum fault faults[] = {FAULT_ID_TOO_LARGE, FAULT_ID_OF_NOTHING,
                                        FAULT_LENGTH_TOO_LARGE, FAULT_INDEX_JUMPS};
    uint8_t bytes[64] = {0};
    for (unsigned i = 0; i < 2 * sizeof(faults) / sizeof(faults[0]); i++) {
        drop(state);
        make(state);
        assert_int_equal(init(), STATUS_OK);
        device.fault = faults[i / 2];
        if (i % 2 == 0) {
            send(0, 3);
            device_work(&device);
            (void)virtio_console_read(&console, bytes, sizeof(bytes));
        } else {
            assert_int_equal(virtio_console_write(&console, bytes, 1), 1);
            device_work(&device);
            (void)virtio_console_write(&console, bytes, 1);
        }
        (void)virtio_console_read(&console, bytes, sizeof(bytes));
        assert_true(console.failed || device.fault == FAULT_ID_OF_NOTHING);
        if (!console.failed)
            continue; // the first of eight buffers is no nothing
        assert_string_equal(virtio_console_error_text(&console),
                            "the console device answered what it was not asked (used ring)");
        assert_int_equal(device.status, 0); // reset: it touches no memory any more
        assert_int_equal(virtio_console_read(&console, bytes, sizeof(bytes)), 0);
        assert_int_equal(virtio_console_write(&console, bytes, 1), 0);
    }
}

static void expect_init(enum status status, const char *text) {
    assert_int_equal(init(), status);
    assert_string_equal(virtio_console_error_text(&console), text);
}

static void test_initialisation_that_fails(void **state) {
    (void)state;
    device.queue_most = 4;
    expect_init(STATUS_UNSUPPORTED, "the console device's queues are too small");
    assert_true(device.status & 128);
    device.queue_most = 8;
    device.fault = FAULT_QUEUE_READY;
    expect_init(STATUS_IO, "the console device's queue is in use, right after a reset");
    device.fault = FAULT_NO_FEATURES;
    expect_init(STATUS_UNSUPPORTED, "the device needs features that this driver does not have");
    device.fault = FAULT_NONE;
    assert_int_equal(init(), STATUS_OK);
    device.type = 2;
    expect_init(STATUS_UNSUPPORTED, "the VirtIO device is no console device");
    device.type = 3;
    assert_int_equal(init(), STATUS_OK);
    struct virtio_memory memory = device_memory(&device, 0, VIRTIO_CONSOLE_MEMORY_SIZE - 1);
    assert_int_equal(virtio_console_init(&console, &mmio.transport, &memory), STATUS_NO_MEMORY);
    memory = device_memory(&device, 8, VIRTIO_CONSOLE_MEMORY_SIZE);
    assert_int_equal(virtio_console_init(&console, &mmio.transport, &memory), STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_initialisation_follows_the_steps, make, drop),
        cmocka_unit_test_setup_teardown(test_bytes_arrive_in_order, make, drop),
        cmocka_unit_test_setup_teardown(test_interrupt_says_that_something_came, make, drop),
        cmocka_unit_test_setup_teardown(test_bytes_leave_in_order, make, drop),
        cmocka_unit_test_setup_teardown(test_answers_that_are_none_end_it, make, drop),
        cmocka_unit_test_setup_teardown(test_initialisation_that_fails, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
