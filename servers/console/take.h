// The one place where a byte is taken from the UART.
//
// The UART forgets a byte that is loaded from it, so from console_take_loaded on, below
// console_take_kept, nothing but one register of the server's task holds it, the one that functions
// return values in (whatever else its bits from 8 on may be). A server that dies there is followed
// by one that is told both where it died and what that register held, and keeps the byte in its
// place (console_adopt).
#pragma once

#include <stdint.h>

// Loads a byte from the UART's data register DATA and stores it to *INPUT, together with REST,
// whose bits are others than the byte's.
void console_take(volatile uint8_t *data, volatile uint64_t *input, uint64_t rest);

// Code addresses, not data.
extern const char console_take_loaded[], console_take_kept[];
