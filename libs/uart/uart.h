// The machine's UART, whichever of those that have a driver here.
//
// Pure register logic: how a register is reached is the caller's. Setting one up is safe at any
// time, so a driver that starts again takes over from the one before without losing a byte that was
// received. Every UART here has its data register first: a store there sends, a load takes what was
// received; both are the caller's (servers/console/put.h says why).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uart;

struct uart_access {
    uint32_t (*read)(void *context, unsigned offset);
    void (*write)(void *context, unsigned offset, uint32_t value);
    void *context;
};

// One kind of UART: a look at its registers for each question, and never a wait.
struct uart_driver {
    const char *compatible; // by which device trees name it
    unsigned width;         // of a register, in bytes
    void (*begin)(struct uart *uart);
    unsigned (*room)(struct uart *uart); // how many bytes it certainly takes now
    void (*notice)(struct uart *uart, bool on);
    bool (*has_received)(struct uart *uart);
    void (*acknowledge)(struct uart *uart);
    bool (*is_finished)(struct uart *uart); // the last byte has left the line
};

struct uart {
    const struct uart_driver *driver;
    struct uart_access access;
    unsigned depth;    // bytes that the transmitter's FIFO holds
    unsigned credit;   // bytes it certainly takes without being asked again
    bool wants_notice; // the interrupt that says "there is room" is switched on
    uint64_t overruns; // times that received bytes were lost in the UART itself
};

// The driver for what a device tree's `compatible` of SIZE bytes names, a list of texts each with
// its NUL; NULL when there is none. Of size 0: the first driver.
const struct uart_driver *uart_find(const char *compatible, size_t size);

// The registers of a UART of that driver's kind that are mapped at BASE.
struct uart_access uart_window(const struct uart_driver *driver, void *base);

// UART is what ACCESS reaches, and stays as it is set up.
void uart_open(struct uart *uart, const struct uart_driver *driver,
               const struct uart_access *access);

// The same, and sets it up: 8 data bits, no parity, 1 stop bit, FIFOs on, the receiver's interrupt
// on. The speed stays as the firmware set it: the clock it is derived from is not known here.
void uart_begin(struct uart *uart, const struct uart_driver *driver,
                const struct uart_access *access);

// Waits until the transmitter has room; see uart_may_send. The wait has a bound, and is a single
// look while the interrupt that says "there is room" is on.
bool uart_wait_room(struct uart *uart);

// Whether the next byte may be written to the data register: true promises that it is taken, and
// must be followed by that write. False: the transmitter got no room in the time of a full FIFO at
// 115,200 bits a second; uart_notice tells when it has.
static inline bool uart_may_send(struct uart *uart) {
    if (uart->credit == 0 && !uart_wait_room(uart))
        return false;
    uart->credit--;
    return true;
}

// Sends BYTE, for those who have nobody to wait for: past the bound it is written all the same.
void uart_send(struct uart *uart, uint8_t byte);

// Switches the interrupt that says "there is room" on or off.
void uart_notice(struct uart *uart, bool on);

// Whether a byte was received. Then a load from the data register takes it, which is the caller's.
bool uart_has_received(struct uart *uart);

// Takes back what interrupts say: to be called once for each, before the FIFOs are looked at.
void uart_acknowledge(struct uart *uart);

// Waits, with a bound, until the last byte has left the line too, before the machine is turned off.
void uart_finish(struct uart *uart);

// For drivers: their registers.
static inline uint32_t uart_get(struct uart *uart, unsigned offset) {
    return uart->access.read(uart->access.context, offset);
}

static inline void uart_set(struct uart *uart, unsigned offset, uint32_t value) {
    uart->access.write(uart->access.context, offset, value);
}
