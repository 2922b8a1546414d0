// The guest's first serial port, a 16550A over the rings of its console. It has no interrupt line:
// who waits for input asks.
#pragma once

#include "servers/sbi-server/pc/pc.h"

#define UART_PORT 0x3f8
#define UART_PORTS 8
#define UART_LINE 5 // the offset of the line's status

// That status: everything was sent, always; and whether something was received.
static inline uint8_t uart_line(bool waiting) { return waiting ? 0x61 : 0x60; }

// An access of one byte. Fills what was read into ACCESS; returns what is to be done, and keeps
// nothing: that is the caller's, for all of it at once.
uint32_t uart_access(struct firmware_call *call, struct port_access *access);

// Whether the access needs room in the console's ring where there is none.
bool uart_must_wait(const struct firmware_call *call, const struct port_access *access);
