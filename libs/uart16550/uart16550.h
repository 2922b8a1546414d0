// The 16550 UART (National Semiconductor, PC16550D data sheet, June 1995; chapter 8: registers).
//
// Pure register logic: how a register is reached is the caller's. Initialising is safe at any time,
// so a driver that starts again takes over from the one before without losing a byte that was
// received.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Registers, by their number.
enum uart16550_register {
    UART16550_DATA,             // read: the receiver's FIFO; write: the transmitter's
    UART16550_INTERRUPT_ENABLE, // IER
    UART16550_FIFO,             // read: interrupt identification (IIR); write: FIFO control (FCR)
    UART16550_LINE_CONTROL,     // LCR
    UART16550_MODEM_CONTROL,    // MCR
    UART16550_LINE_STATUS,      // LSR
};

struct uart16550_access {
    uint8_t (*read)(void *context, unsigned reg);
    void (*write)(void *context, unsigned reg, uint8_t value);
    void *context;
};

struct uart16550 {
    struct uart16550_access access;
    unsigned depth;    // bytes that the transmitter's FIFO holds
    unsigned credit;   // bytes it certainly takes without being asked again
    bool wants_notice; // the interrupt "transmitter empty" is switched on
    uint64_t overruns; // times that received bytes were lost in the UART itself
};

// Registers that lie byte behind byte in memory, from the address that is the access's context.
uint8_t uart16550_memory_read(void *base, unsigned reg);
void uart16550_memory_write(void *base, unsigned reg, uint8_t value);

// Sets up 8 data bits, no parity, 1 stop bit, FIFOs on, the receiver's interrupt on. The speed
// stays as the firmware set it: the clock it is derived from is not known here.
void uart16550_init(struct uart16550 *uart, const struct uart16550_access *access);

// Waits until the transmitter is empty; see uart16550_may_send. The wait has a bound, and is a
// single look while the interrupt "transmitter empty" is on.
bool uart16550_wait_empty(struct uart16550 *uart);

// Whether the next byte may be written to UART16550_DATA: true promises that it is taken, and must
// be followed by that write. False: the transmitter did not get empty in the time of a full FIFO at
// 115,200 bits a second; uart16550_notice tells when it has.
static inline bool uart16550_may_send(struct uart16550 *uart) {
    if (uart->credit == 0 && !uart16550_wait_empty(uart))
        return false;
    uart->credit--;
    return true;
}

// Switches the interrupt "transmitter empty" on or off.
void uart16550_notice(struct uart16550 *uart, bool on);

// Whether a byte was received. Then a load from UART16550_DATA takes it, which is the caller's.
bool uart16550_has_received(struct uart16550 *uart);

// Takes back what interrupts say: to be called once for each, before the FIFOs are looked at.
void uart16550_acknowledge(struct uart16550 *uart);

// Waits, with a bound, until the last byte has left the line too, before the machine is turned off.
void uart16550_finish(struct uart16550 *uart);
