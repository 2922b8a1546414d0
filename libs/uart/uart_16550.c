#include "libs/uart/uart_16550.h"

#define IER_RECEIVED 0x01
#define IER_EMPTY 0x02
#define IIR_FIFO 0xc0   // both bits: the FIFOs are on; none: the UART is an 8250 without
#define FCR_ENABLE 0x01 // no other bit: they would throw away what the FIFOs hold
#define LCR_8N1 0x03    // the bit DLAB is off, so registers 0 and 1 are data and IER
#define MCR_READY 0x03  // DTR, RTS
#define MCR_OUT2 0x08   // on PCs it connects the interrupt
#define LSR_RECEIVED 0x01
#define LSR_OVERRUN 0x02
#define LSR_EMPTY 0x20    // the FIFO is
#define LSR_FINISHED 0x40 // the FIFO and the shift register are
#define FIFO_DEPTH 16

// Reading the status takes the overrun bit back, so every reader counts it.
static uint32_t line_status(struct uart *uart) {
    uint32_t status = uart_get(uart, UART_16550_LINE_STATUS);
    if (status & LSR_OVERRUN)
        uart->overruns++;
    return status;
}

static void begin(struct uart *uart) {
    uart_set(uart, UART_16550_LINE_CONTROL, LCR_8N1);
    uart_set(uart, UART_16550_FIFO, FCR_ENABLE);
    bool has_fifo = (uart_get(uart, UART_16550_FIFO) & IIR_FIFO) == IIR_FIFO;
    uart->depth = has_fifo ? FIFO_DEPTH : 1;
    uart_set(uart, UART_16550_MODEM_CONTROL, MCR_READY | MCR_OUT2);
    uart_set(uart, UART_16550_INTERRUPT_ENABLE, IER_RECEIVED);
}

// It does not say how full its FIFO is, only when that is empty.
static unsigned room(struct uart *uart) { return line_status(uart) & LSR_EMPTY ? uart->depth : 0; }

static void notice(struct uart *uart, bool on) {
    uart_set(uart, UART_16550_INTERRUPT_ENABLE, on ? IER_RECEIVED | IER_EMPTY : IER_RECEIVED);
}

static bool has_received(struct uart *uart) { return line_status(uart) & LSR_RECEIVED; }

static void acknowledge(struct uart *uart) { (void)uart_get(uart, UART_16550_FIFO); }

static bool is_finished(struct uart *uart) { return line_status(uart) & LSR_FINISHED; }

const struct uart_driver uart_16550 = {
    .compatible = "ns16550a",
    .width = 1,
    .begin = begin,
    .room = room,
    .notice = notice,
    .has_received = has_received,
    .acknowledge = acknowledge,
    .is_finished = is_finished,
};
