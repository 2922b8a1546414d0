// The one place where a byte goes to the UART.
//
// A byte is written exactly once although the server can die between any two instructions: the
// store that hands it to the UART and the store that counts it are neighbours, and the
// address of a dead server's next instruction tells which of them it had done. From
// console_put_sent on, below console_put_counted, the byte is out and not yet counted; anywhere
// else nothing is between the two. console_adopt (console.h) repairs the count.
#pragma once

#include <stdint.h>

// Writes BYTE to the UART's data register DATA, then NEXT to the counter.
void console_put(volatile uint8_t *data, uint8_t byte, volatile uint64_t *counter, uint64_t next);

// Code addresses, not data.
extern const char console_put_sent[], console_put_counted[];
