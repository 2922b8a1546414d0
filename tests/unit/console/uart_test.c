// The UART's registers, by the PC16550D data sheet; and the function that writes to it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "libs/uart16550/uart16550.h"
#include "servers/console/put.h"

static struct {
    uint8_t status;
    uint8_t identification;
    unsigned reads[6];
    uint8_t written[6];
} device;

static uint8_t read_register(void *context, unsigned reg) {
    assert_ptr_equal(context, &device);
    assert_true(reg < 6);
    device.reads[reg]++;
    return reg == UART16550_LINE_STATUS ? device.status
           : reg == UART16550_FIFO      ? device.identification
                                        : 'x';
}

static void write_register(void *context, unsigned reg, uint8_t value) {
    assert_ptr_equal(context, &device);
    assert_true(reg < 6);
    if (reg == UART16550_FIFO)
        assert_int_equal(value & 0x06, 0); // else what was received is thrown away
    device.written[reg] = value;
}

static struct uart16550 uart;

static void begin(uint8_t identification) {
    memset(&device, 0, sizeof(device));
    device.identification = identification;
    uart16550_init(&uart, &(struct uart16550_access){read_register, write_register, &device});
}

static void test_init_keeps_what_was_received(void **context) {
    (void)context;
    begin(0xc1);
    assert_int_equal(device.written[UART16550_LINE_CONTROL], 0x03);
    assert_int_equal(device.written[UART16550_FIFO], 0x01);
    assert_int_equal(device.written[UART16550_INTERRUPT_ENABLE], 0x01);
    assert_int_equal(device.written[UART16550_MODEM_CONTROL], 0x0b);
    assert_int_equal(device.reads[UART16550_DATA], 0);
}

static void test_status_is_polled_once_for_a_full_fifo(void **context) {
    (void)context;
    begin(0xc1);
    device.status = 0x20;
    for (unsigned i = 0; i < 32; i++)
        assert_true(uart16550_may_send(&uart));
    assert_int_equal(device.reads[UART16550_LINE_STATUS], 2);
    begin(0x01); // an 8250: no FIFO
    device.status = 0x20;
    for (unsigned i = 0; i < 32; i++)
        assert_true(uart16550_may_send(&uart));
    assert_int_equal(device.reads[UART16550_LINE_STATUS], 32);
}

static void test_waiting_has_a_bound(void **context) {
    (void)context;
    begin(0xc1);
    assert_false(uart16550_may_send(&uart));
    assert_int_equal(device.reads[UART16550_LINE_STATUS], 20000);
    uart16550_notice(&uart, true);
    assert_int_equal(device.written[UART16550_INTERRUPT_ENABLE], 0x03);
    assert_false(uart16550_may_send(&uart));
    assert_int_equal(device.reads[UART16550_LINE_STATUS], 20001);
    uart16550_finish(&uart);
    assert_int_equal(device.reads[UART16550_LINE_STATUS], 40001);
    uart16550_notice(&uart, false);
    assert_int_equal(device.written[UART16550_INTERRUPT_ENABLE], 0x01);
}

static void test_received_bytes_are_left_and_losses_counted(void **context) {
    (void)context;
    begin(0xc1);
    device.status = 0x60;
    assert_false(uart16550_has_received(&uart));
    device.status = 0x03;
    assert_true(uart16550_has_received(&uart));
    assert_int_equal(device.reads[UART16550_DATA], 0);
    assert_int_equal(uart.overruns, 1);
}

static void test_memory_access_is_byte_by_byte(void **context) {
    (void)context;
    uint8_t registers[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    assert_int_equal(uart16550_memory_read(registers, 5), 5);
    uart16550_memory_write(registers, 3, 0xff);
    assert_memory_equal(registers, ((uint8_t[]){0, 1, 2, 0xff, 4, 5, 6, 7}), 8);
}

static void test_put_sends_and_counts_between_its_labels(void **context) {
    (void)context;
    volatile uint8_t data = 0;
    volatile uint64_t counter = 0;
    console_put(&data, 'x', &counter, 7);
    assert_int_equal(data, 'x');
    assert_int_equal(counter, 7);
    assert_true((uintptr_t)console_put_sent > (uintptr_t)console_put);
    assert_true((uintptr_t)console_put_counted > (uintptr_t)console_put_sent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_keeps_what_was_received),
        cmocka_unit_test(test_status_is_polled_once_for_a_full_fifo),
        cmocka_unit_test(test_waiting_has_a_bound),
        cmocka_unit_test(test_received_bytes_are_left_and_losses_counted),
        cmocka_unit_test(test_memory_access_is_byte_by_byte),
        cmocka_unit_test(test_put_sends_and_counts_between_its_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
