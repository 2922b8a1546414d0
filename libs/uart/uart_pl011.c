#include "libs/uart/uart_pl011.h"

#define FLAG_BUSY (1u << 3)     // the FIFO and the shift register are not both empty
#define FLAG_RX_EMPTY (1u << 4) // nothing was received
#define FLAG_TX_FULL (1u << 5)
#define FLAG_TX_EMPTY (1u << 7)
#define LINE_8N1_FIFO 0x70u // 8 bits (WLEN), FIFOs on (FEN)
#define CONTROL_ON 0x301u   // the UART, its transmitter and its receiver
// The lowest marks, an eighth of a FIFO: the receiver's is passed upwards, the transmitter's
// downwards.
#define LEVELS_LOWEST 0u
#define INTERRUPT_RECEIVED (1u << 4) // as many bytes as the mark says
#define INTERRUPT_ROOM (1u << 5)     // the transmitter's mark was passed
#define INTERRUPT_WAITED (1u << 6)   // fewer bytes than that, and no more came (RTIM)
#define INTERRUPT_OVERRUN (1u << 10)
#define RECEIVER (INTERRUPT_RECEIVED | INTERRUPT_WAITED)
#define FIFO_DEPTH 16 // later revisions have 32

// Line and control registers are only written where they differ: a write that switches the FIFOs
// empties them, and one behind which the UART is off for a moment may lose what is arriving.
static void begin(struct uart *uart) {
    uart->depth = FIFO_DEPTH;
    if (uart_get(uart, UART_PL011_LINE_CONTROL) != LINE_8N1_FIFO)
        uart_set(uart, UART_PL011_LINE_CONTROL, LINE_8N1_FIFO);
    uint32_t control = uart_get(uart, UART_PL011_CONTROL);
    if ((control & CONTROL_ON) != CONTROL_ON)
        uart_set(uart, UART_PL011_CONTROL, control | CONTROL_ON);
    uart_set(uart, UART_PL011_LEVELS, LEVELS_LOWEST);
    uart_set(uart, UART_PL011_MASK, RECEIVER);
}

// A byte at a time where it isn't empty: it may have passed its mark, behind which no interrupt
// comes before it has been full enough again.
static unsigned room(struct uart *uart) {
    uint32_t flags = uart_get(uart, UART_PL011_FLAGS);
    if (flags & FLAG_TX_EMPTY)
        return uart->depth;
    return flags & FLAG_TX_FULL ? 0 : 1;
}

// Room is told when the mark is passed, and that is remembered while nobody is told (RIS): who
// found the FIFO full before this will hear of it.
static void notice(struct uart *uart, bool on) {
    uart_set(uart, UART_PL011_MASK, on ? RECEIVER | INTERRUPT_ROOM : RECEIVER);
}

static bool has_received(struct uart *uart) {
    return !(uart_get(uart, UART_PL011_FLAGS) & FLAG_RX_EMPTY);
}

// The receiver's interrupts end by themselves when what was received is read. Cleared while there
// is more than a server reads at once, they would not come again before the FIFO has been empty on
// QEMU, which knows no timeout: then nobody would ever look.
static void acknowledge(struct uart *uart) {
    if (uart_get(uart, UART_PL011_RAW) & INTERRUPT_OVERRUN)
        uart->overruns++;
    uart_set(uart, UART_PL011_CLEAR, INTERRUPT_ROOM | INTERRUPT_OVERRUN);
}

static bool is_finished(struct uart *uart) {
    return !(uart_get(uart, UART_PL011_FLAGS) & FLAG_BUSY);
}

const struct uart_driver uart_pl011 = {
    .compatible = "arm,pl011",
    .width = 4,
    .begin = begin,
    .room = room,
    .notice = notice,
    .has_received = has_received,
    .acknowledge = acknowledge,
    .is_finished = is_finished,
};
