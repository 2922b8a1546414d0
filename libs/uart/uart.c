#include "libs/uart/uart.h"

#include <string.h>

#include "arch/device.h"
#include "libs/uart/uart_16550.h"
#include "libs/uart/uart_pl011.h"

#define POLLS_MAX 20000 // 16 bytes take 1.4 ms; reading a device register takes 100 ns or more
#define DATA 0          // the data register of all of them

static const struct uart_driver *const drivers[] = {&uart_16550, &uart_pl011};

const struct uart_driver *uart_find(const char *compatible, size_t size) {
    if (size == 0)
        return drivers[0];
    const char *end = compatible + size;
    for (const char *at = compatible; at < end;) {
        const char *nul = memchr(at, '\0', (size_t)(end - at));
        if (nul == NULL)
            return NULL;
        for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
            if (at[0] == drivers[i]->compatible[0] && strcmp(at, drivers[i]->compatible) == 0)
                return drivers[i];
        }
        at = nul + 1;
    }
    return NULL;
}

static uint32_t read8(void *base, unsigned offset) {
    return arch_device_load8((uint8_t *)base + offset);
}

static void write8(void *base, unsigned offset, uint32_t value) {
    arch_device_store8((uint8_t *)base + offset, (uint8_t)value);
}

static uint32_t read32(void *base, unsigned offset) {
    return ((volatile uint32_t *)base)[offset / 4];
}

static void write32(void *base, unsigned offset, uint32_t value) {
    ((volatile uint32_t *)base)[offset / 4] = value;
}

struct uart_access uart_window(const struct uart_driver *driver, void *base) {
    return driver->width == 1 ? (struct uart_access){read8, write8, base}
                              : (struct uart_access){read32, write32, base};
}

void uart_open(struct uart *uart, const struct uart_driver *driver,
               const struct uart_access *access) {
    *uart = (struct uart){.driver = driver, .access = *access, .depth = 1};
}

void uart_begin(struct uart *uart, const struct uart_driver *driver,
                const struct uart_access *access) {
    uart_open(uart, driver, access);
    driver->begin(uart);
}

bool uart_wait_room(struct uart *uart) {
    // Who will be told has waited in vain already.
    unsigned polls = uart->wants_notice ? 1 : POLLS_MAX;
    do {
        uart->credit = uart->driver->room(uart);
    } while (uart->credit == 0 && --polls > 0);
    return uart->credit != 0;
}

void uart_send(struct uart *uart, uint8_t byte) {
    if (uart->credit != 0 || uart_wait_room(uart))
        uart->credit--;
    uart_set(uart, DATA, byte);
}

void uart_notice(struct uart *uart, bool on) {
    if (uart->wants_notice == on)
        return;
    uart->wants_notice = on;
    uart->driver->notice(uart, on);
}

bool uart_has_received(struct uart *uart) { return uart->driver->has_received(uart); }

void uart_acknowledge(struct uart *uart) { uart->driver->acknowledge(uart); }

void uart_finish(struct uart *uart) {
    for (unsigned polls = POLLS_MAX; polls > 0 && !uart->driver->is_finished(uart); polls--) {
    }
}
