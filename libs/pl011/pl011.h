// A virtual PL011 UART (Arm DDI 0183, chapter 3), as guests see it. Pure: registers over a struct
// without pointers. What is sent is handed out at once, so its transmitter is never full or busy;
// what is received, its owner offers. The line's speed and format are registers without effect.
//
// To be crash-safe, an owner lets one access work on a copy, and commits that together with the
// sequence number of the exit and with what it does about a byte that was sent. Only a load from
// PL011_DR and stores change anything; a load that comes again, because its answer was lost, is
// answered by `last`.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define PL011_SIZE 0x1000u // of its registers
#define PL011_FIFO 16

enum pl011_register {
    PL011_DR = 0x000,
    PL011_RSR = 0x004, // stores: ECR
    PL011_FR = 0x018,
    PL011_ILPR = 0x020,
    PL011_IBRD = 0x024,
    PL011_FBRD = 0x028,
    PL011_LCR_H = 0x02c,
    PL011_CR = 0x030,
    PL011_IFLS = 0x034,
    PL011_IMSC = 0x038,
    PL011_RIS = 0x03c,
    PL011_MIS = 0x040,
    PL011_ICR = 0x044,
    PL011_DMACR = 0x048,
    PL011_IDS = 0xfe0, // PeriphID0 to 3, PCellID0 to 3
};

struct pl011 {
    _Alignas(8) uint8_t fifo[PL011_FIFO]; // received bytes: `count` from `first` on, round
    uint8_t first;
    uint8_t count;
    uint8_t overrun; // a byte was lost since ECR was written
    uint8_t ilpr;
    uint16_t ibrd;
    uint8_t fbrd;
    uint8_t lcr_h;
    uint16_t cr;
    uint8_t ifls;
    uint8_t dmacr;
    uint16_t imsc;
    uint16_t ris;
    uint32_t last; // what was loaded from DR last
    uint32_t reserved;
};

static_assert(sizeof(struct pl011) == 40, "whole words, as a state region has them");

// The UART as firmware leaves it: on, 115,200 bits a second of a clock of 24 MHz, 8N1, FIFOs on.
void pl011_reset(struct pl011 *uart);

// A load from PL011_DR: what was received first, which is gone then.
uint32_t pl011_take(struct pl011 *uart);

// A load from any other OFFSET, of 1, 2 or 4 bytes, which the caller cuts off. What is no register
// is zero.
uint32_t pl011_read(const struct pl011 *uart, uint64_t offset);

// A store of VALUE, zero-extended. Returns the byte that it sends, or PL011_NOTHING. A UART that is
// off sends nothing: such a byte is lost.
#define PL011_NOTHING (-1)
int pl011_write(struct pl011 *uart, uint64_t offset, uint32_t value);

// Whether a store to PL011_DR does nothing but send its byte.
static inline bool pl011_only_sends(const struct pl011 *uart) {
    // On, not in a loop, and the interrupt that says "sent" is pending already.
    return (uart->cr & 0x181u) == 0x101u && (uart->ris & 0x20u) != 0;
}

// How many bytes can be offered now. None while the receiver is off.
unsigned pl011_room(const struct pl011 *uart);

// A byte arrives. The guest is told at once: the time-out that tells of fewer bytes than it waits
// for has passed. One for which there is no room is lost, as an overrun.
void pl011_offer(struct pl011 *uart, uint8_t byte);

// The level of its interrupt line (UARTINTR).
static inline bool pl011_line(const struct pl011 *uart) { return (uart->ris & uart->imsc) != 0; }
