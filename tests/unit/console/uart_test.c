// The UARTs' registers, by the PC16550D data sheet and by Arm DDI 0183G; and the function that
// writes to them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "libs/uart/uart.h"
#include "libs/uart/uart_16550.h"
#include "libs/uart/uart_pl011.h"
#include "servers/console/put.h"

static struct {
    uint32_t status;
    uint32_t identification;
    uint32_t flags;
    uint32_t raw;
    uint32_t line_control;
    uint32_t control;
    unsigned reads[0x48];
    unsigned writes[0x48];
    uint32_t written[0x48];
} device;

static uint32_t read_16550(void *context, unsigned reg) {
    assert_ptr_equal(context, &device);
    assert_true(reg < 6);
    device.reads[reg]++;
    return reg == UART_16550_LINE_STATUS ? device.status
           : reg == UART_16550_FIFO      ? device.identification
                                         : 'x';
}

static void write_16550(void *context, unsigned reg, uint32_t value) {
    assert_ptr_equal(context, &device);
    assert_true(reg < 6);
    if (reg == UART_16550_FIFO)
        assert_int_equal(value & 0x06, 0); // else what was received is thrown away
    device.written[reg] = value;
}

static uint32_t read_pl011(void *context, unsigned reg) {
    assert_ptr_equal(context, &device);
    assert_true(reg < 0x48 && reg % 4 == 0);
    device.reads[reg]++;
    switch (reg) {
    case UART_PL011_FLAGS:
        return device.flags;
    case UART_PL011_LINE_CONTROL:
        return device.line_control;
    case UART_PL011_CONTROL:
        return device.control;
    case UART_PL011_RAW:
        return device.raw;
    default:
        return 'x';
    }
}

static void write_pl011(void *context, unsigned reg, uint32_t value) {
    assert_ptr_equal(context, &device);
    assert_true(reg < 0x48 && reg % 4 == 0);
    device.written[reg] = value;
    device.writes[reg]++;
}

static struct uart uart;

static void begin(uint32_t identification) {
    memset(&device, 0, sizeof(device));
    device.identification = identification;
    uart_begin(&uart, &uart_16550, &(struct uart_access){read_16550, write_16550, &device});
}

static void begin_pl011(uint32_t line_control, uint32_t control) {
    memset(&device, 0, sizeof(device));
    device.line_control = line_control;
    device.control = control;
    uart_begin(&uart, &uart_pl011, &(struct uart_access){read_pl011, write_pl011, &device});
}

static void test_init_keeps_what_was_received(void **context) {
    (void)context;
    begin(0xc1);
    assert_int_equal(device.written[UART_16550_LINE_CONTROL], 0x03);
    assert_int_equal(device.written[UART_16550_FIFO], 0x01);
    assert_int_equal(device.written[UART_16550_INTERRUPT_ENABLE], 0x01);
    assert_int_equal(device.written[UART_16550_MODEM_CONTROL], 0x0b);
    assert_int_equal(device.reads[UART_16550_DATA], 0);
}

static void test_status_is_polled_once_for_a_full_fifo(void **context) {
    (void)context;
    begin(0xc1);
    device.status = 0x20;
    for (unsigned i = 0; i < 32; i++)
        assert_true(uart_may_send(&uart));
    assert_int_equal(device.reads[UART_16550_LINE_STATUS], 2);
    begin(0x01); // an 8250: no FIFO
    device.status = 0x20;
    for (unsigned i = 0; i < 32; i++)
        assert_true(uart_may_send(&uart));
    assert_int_equal(device.reads[UART_16550_LINE_STATUS], 32);
}

static void test_waiting_has_a_bound(void **context) {
    (void)context;
    begin(0xc1);
    assert_false(uart_may_send(&uart));
    assert_int_equal(device.reads[UART_16550_LINE_STATUS], 20000);
    uart_notice(&uart, true);
    assert_int_equal(device.written[UART_16550_INTERRUPT_ENABLE], 0x03);
    assert_false(uart_may_send(&uart));
    assert_int_equal(device.reads[UART_16550_LINE_STATUS], 20001);
    uart_finish(&uart);
    assert_int_equal(device.reads[UART_16550_LINE_STATUS], 40001);
    uart_notice(&uart, false);
    assert_int_equal(device.written[UART_16550_INTERRUPT_ENABLE], 0x01);
}

static void test_received_bytes_are_left_and_losses_counted(void **context) {
    (void)context;
    begin(0xc1);
    device.status = 0x60;
    assert_false(uart_has_received(&uart));
    device.status = 0x03;
    assert_true(uart_has_received(&uart));
    assert_int_equal(device.reads[UART_16550_DATA], 0);
    assert_int_equal(uart.overruns, 1);
}

static void test_pl011_is_switched_on_once(void **context) {
    (void)context;
    begin_pl011(0, 0x300);
    assert_int_equal(device.written[UART_PL011_LINE_CONTROL], 0x70);
    assert_int_equal(device.written[UART_PL011_CONTROL], 0x301);
    assert_int_equal(device.written[UART_PL011_LEVELS], 0);
    assert_int_equal(device.written[UART_PL011_MASK], 0x50);
    assert_int_equal(device.reads[UART_PL011_DATA], 0);
    // What is in the FIFOs when the next server begins stays there.
    begin_pl011(0x70, 0x301);
    assert_int_equal(device.writes[UART_PL011_LINE_CONTROL], 0);
    assert_int_equal(device.writes[UART_PL011_CONTROL], 0);
    assert_int_equal(device.writes[UART_PL011_CLEAR], 0);
    assert_int_equal(device.written[UART_PL011_MASK], 0x50);
}

static void test_pl011_takes_a_fifo_when_empty_and_else_a_byte(void **context) {
    (void)context;
    begin_pl011(0, 0);
    device.flags = 1u << 7;
    for (unsigned i = 0; i < 32; i++)
        assert_true(uart_may_send(&uart));
    assert_int_equal(device.reads[UART_PL011_FLAGS], 2);
    device.flags = 0;
    for (unsigned i = 0; i < 32; i++)
        assert_true(uart_may_send(&uart));
    assert_int_equal(device.reads[UART_PL011_FLAGS], 34);
    device.flags = 1u << 5;
    assert_false(uart_may_send(&uart));
    assert_int_equal(device.reads[UART_PL011_FLAGS], 20034);
    uart_notice(&uart, true);
    assert_int_equal(device.written[UART_PL011_MASK], 0x70);
    assert_false(uart_may_send(&uart));
    assert_int_equal(device.reads[UART_PL011_FLAGS], 20035);
    uart_notice(&uart, false);
    assert_int_equal(device.written[UART_PL011_MASK], 0x50);
    device.flags = 1u << 3;
    uart_finish(&uart);
    assert_int_equal(device.reads[UART_PL011_FLAGS], 40035);
}

static void test_pl011_says_what_was_received_and_lost(void **context) {
    (void)context;
    begin_pl011(0, 0);
    device.flags = 1u << 4;
    assert_false(uart_has_received(&uart));
    device.flags = 0;
    assert_true(uart_has_received(&uart));
    uart_acknowledge(&uart);
    assert_int_equal(device.written[UART_PL011_CLEAR], 0x420);
    assert_int_equal(uart.overruns, 0);
    device.raw = 1u << 10;
    uart_acknowledge(&uart);
    assert_int_equal(uart.overruns, 1);
    assert_int_equal(device.reads[UART_PL011_DATA], 0);
}

// Who can wait for nobody writes all the same.
static void test_send_waits_within_its_bound(void **context) {
    (void)context;
    begin_pl011(0, 0);
    device.flags = 1u << 7;
    for (unsigned i = 0; i < 17; i++)
        uart_send(&uart, (uint8_t)i);
    assert_int_equal(device.reads[UART_PL011_FLAGS], 2);
    assert_int_equal(device.written[UART_PL011_DATA], 16);
    device.flags = 1u << 5;
    uart.credit = 0;
    uart_send(&uart, 'z');
    assert_int_equal(device.reads[UART_PL011_FLAGS], 20002);
    assert_int_equal(device.written[UART_PL011_DATA], 'z');
    assert_int_equal(uart.credit, 0);
}

static void test_registers_are_as_wide_as_the_uarts(void **context) {
    (void)context;
    uint8_t bytes[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct uart_access access = uart_window(&uart_16550, bytes);
    assert_int_equal(access.read(access.context, 5), 5);
    access.write(access.context, 3, 0xff);
    assert_memory_equal(bytes, ((uint8_t[]){0, 1, 2, 0xff, 4, 5, 6, 7}), 8);
    uint32_t words[4] = {0, 0x11111111, 0x22222222, 0x33333333};
    access = uart_window(&uart_pl011, words);
    assert_int_equal(access.read(access.context, 8), 0x22222222);
    access.write(access.context, 4, 0x12345678);
    assert_memory_equal(words, ((uint32_t[]){0, 0x12345678, 0x22222222, 0x33333333}), 16);
}

static void test_drivers_are_found_by_what_the_tree_says(void **context) {
    (void)context;
    static const char both[] = "arm,pl011\0arm,primecell", second[] = "x\0ns16550a";
    assert_ptr_equal(uart_find(both, sizeof(both)), &uart_pl011);
    assert_ptr_equal(uart_find(second, sizeof(second)), &uart_16550);
    assert_ptr_equal(uart_find(NULL, 0), &uart_16550);
    assert_null(uart_find("arm,pl01", 9));
    assert_null(uart_find("arm,pl0111", 11));
    assert_null(uart_find("arm,pl011", 9)); // without its NUL: no text
    assert_null(uart_find("", 1));
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
        cmocka_unit_test(test_pl011_is_switched_on_once),
        cmocka_unit_test(test_pl011_takes_a_fifo_when_empty_and_else_a_byte),
        cmocka_unit_test(test_pl011_says_what_was_received_and_lost),
        cmocka_unit_test(test_send_waits_within_its_bound),
        cmocka_unit_test(test_registers_are_as_wide_as_the_uarts),
        cmocka_unit_test(test_drivers_are_found_by_what_the_tree_says),
        cmocka_unit_test(test_put_sends_and_counts_between_its_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
