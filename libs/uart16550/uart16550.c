#include "libs/uart16550/uart16550.h"

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
#define POLLS_MAX 20000 // 16 bytes take 1.4 ms; reading a device register takes 100 ns or more

uint8_t uart16550_memory_read(void *base, unsigned reg) { return ((volatile uint8_t *)base)[reg]; }

void uart16550_memory_write(void *base, unsigned reg, uint8_t value) {
    ((volatile uint8_t *)base)[reg] = value;
}

static uint8_t get(struct uart16550 *uart, unsigned reg) {
    return uart->access.read(uart->access.context, reg);
}

static void set(struct uart16550 *uart, unsigned reg, uint8_t value) {
    uart->access.write(uart->access.context, reg, value);
}

// Reading the status takes the overrun bit back, so every reader counts it.
static uint8_t line_status(struct uart16550 *uart) {
    uint8_t status = get(uart, UART16550_LINE_STATUS);
    if (status & LSR_OVERRUN)
        uart->overruns++;
    return status;
}

void uart16550_init(struct uart16550 *uart, const struct uart16550_access *access) {
    *uart = (struct uart16550){.access = *access};
    set(uart, UART16550_LINE_CONTROL, LCR_8N1);
    set(uart, UART16550_FIFO, FCR_ENABLE);
    bool has_fifo = (get(uart, UART16550_FIFO) & IIR_FIFO) == IIR_FIFO;
    uart->depth = has_fifo ? FIFO_DEPTH : 1;
    set(uart, UART16550_MODEM_CONTROL, MCR_READY | MCR_OUT2);
    set(uart, UART16550_INTERRUPT_ENABLE, IER_RECEIVED);
}

static bool wait_status(struct uart16550 *uart, uint8_t bit, unsigned polls) {
    while (polls-- > 0) {
        if (line_status(uart) & bit)
            return true;
    }
    return false;
}

bool uart16550_wait_empty(struct uart16550 *uart) {
    // Who will be told has waited in vain already.
    if (!wait_status(uart, LSR_EMPTY, uart->wants_notice ? 1 : POLLS_MAX))
        return false;
    uart->credit = uart->depth;
    return true;
}

void uart16550_notice(struct uart16550 *uart, bool on) {
    if (uart->wants_notice == on)
        return;
    uart->wants_notice = on;
    set(uart, UART16550_INTERRUPT_ENABLE, on ? IER_RECEIVED | IER_EMPTY : IER_RECEIVED);
}

bool uart16550_has_received(struct uart16550 *uart) { return line_status(uart) & LSR_RECEIVED; }

void uart16550_acknowledge(struct uart16550 *uart) { (void)get(uart, UART16550_FIFO); }

void uart16550_finish(struct uart16550 *uart) { (void)wait_status(uart, LSR_FINISHED, POLLS_MAX); }
