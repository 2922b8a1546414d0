// The 16550 UART (National Semiconductor, PC16550D data sheet, June 1995; chapter 8: registers).
#pragma once

#include "libs/uart/uart.h"

// Registers: a byte each, one behind the other.
enum uart_16550_register {
    UART_16550_DATA,             // read: the receiver's FIFO; write: the transmitter's
    UART_16550_INTERRUPT_ENABLE, // IER
    UART_16550_FIFO,             // read: interrupt identification (IIR); write: FIFO control (FCR)
    UART_16550_LINE_CONTROL,     // LCR
    UART_16550_MODEM_CONTROL,    // MCR
    UART_16550_LINE_STATUS,      // LSR
};

extern const struct uart_driver uart_16550;
