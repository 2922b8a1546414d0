// The PrimeCell UART PL011 (Arm DDI 0183G; chapter 3: registers).
#pragma once

#include "libs/uart/uart.h"

// Registers: their offsets.
enum uart_pl011_register {
    UART_PL011_DATA = 0x00,         // UARTDR
    UART_PL011_FLAGS = 0x18,        // UARTFR
    UART_PL011_LINE_CONTROL = 0x2c, // UARTLCR_H
    UART_PL011_CONTROL = 0x30,      // UARTCR
    UART_PL011_LEVELS = 0x34,       // UARTIFLS
    UART_PL011_MASK = 0x38,         // UARTIMSC: the interrupts that are told
    UART_PL011_RAW = 0x3c,          // UARTRIS: those that there are
    UART_PL011_CLEAR = 0x44,        // UARTICR
};

extern const struct uart_driver uart_pl011;
