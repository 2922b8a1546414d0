#include "libs/pl011/pl011.h"

#include <stddef.h>

#define DR_OVERRUN (1u << 11)
#define RSR_OVERRUN (1u << 3)

#define FR_CTS (1u << 0)
#define FR_DSR (1u << 1)
#define FR_DCD (1u << 2)
#define FR_RXFE (1u << 4)
#define FR_RXFF (1u << 6)
#define FR_TXFE (1u << 7)
#define FR_RI (1u << 8)

#define LCR_H_FIFOS (1u << 4)
#define LCR_H_8BITS (3u << 5)

#define CR_ENABLE (1u << 0)
#define CR_LOOPBACK (1u << 7)
#define CR_TRANSMIT (1u << 8)
#define CR_RECEIVE (1u << 9)
#define CR_DTR (1u << 10)
#define CR_RTS (1u << 11)
#define CR_OUT1 (1u << 12)
#define CR_OUT2 (1u << 13)
#define CR_WRITABLE 0xff87u

#define IFLS_RESET 0x12 // both at half
#define IFLS_WRITABLE 0x3fu

#define INTERRUPT_RECEIVED (1u << 4)
#define INTERRUPT_SENT (1u << 5)
#define INTERRUPT_TIMEOUT (1u << 6)
#define INTERRUPT_OVERRUN (1u << 10)
#define INTERRUPTS 0x7ffu

// PeriphID: part 0x011, designer 0x41 (Arm), revision 1, whose FIFOs hold 16; PCellID.
static const uint8_t ids[] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

void pl011_reset(struct pl011 *uart) {
    *uart = (struct pl011){
        .ibrd = 13,
        .fbrd = 1,
        .lcr_h = LCR_H_8BITS | LCR_H_FIFOS,
        .cr = CR_ENABLE | CR_TRANSMIT | CR_RECEIVE,
        .ifls = IFLS_RESET,
    };
}

static bool has_all(const struct pl011 *uart, uint32_t bits) { return (uart->cr & bits) == bits; }

// Without FIFOs there is one place.
static unsigned depth(const struct pl011 *uart) {
    return uart->lcr_h & LCR_H_FIFOS ? PL011_FIFO : 1;
}

// How many received bytes make the interrupt (DDI 0183, 3.3.9).
static unsigned trigger(const struct pl011 *uart) {
    static const uint8_t eighths[8] = {1, 2, 4, 6, 7, 7, 7, 7};
    return uart->lcr_h & LCR_H_FIFOS ? PL011_FIFO / 8 * eighths[uart->ifls >> 3 & 7] : 1;
}

static void receive(struct pl011 *uart, uint8_t byte) {
    if (uart->count >= depth(uart)) {
        uart->overrun = 1;
        uart->ris |= INTERRUPT_OVERRUN;
        return;
    }
    uart->fifo[(uart->first + uart->count) % PL011_FIFO] = byte;
    uart->count++;
    uart->ris |= INTERRUPT_TIMEOUT;
    // By passing the level, not by being above it.
    if (uart->count == trigger(uart)) {
        uart->ris |= INTERRUPT_RECEIVED;
    }
}

uint32_t pl011_take(struct pl011 *uart) {
    uint32_t value = uart->overrun ? DR_OVERRUN : 0;
    if (uart->count != 0) {
        value |= uart->fifo[uart->first % PL011_FIFO];
        uart->first = (uart->first + 1) % PL011_FIFO;
        uart->count--;
    }
    if (uart->count < trigger(uart)) {
        uart->ris &= (uint16_t)~INTERRUPT_RECEIVED;
    }
    if (uart->count == 0) {
        uart->ris &= (uint16_t)~INTERRUPT_TIMEOUT;
    }
    uart->last = value;
    return value;
}

static uint32_t flags(const struct pl011 *uart) {
    uint32_t flags = FR_TXFE;
    flags |= uart->count == 0 ? FR_RXFE : 0;
    flags |= uart->count >= depth(uart) ? FR_RXFF : 0;
    if (uart->cr & CR_LOOPBACK) {
        flags |= uart->cr & CR_RTS ? FR_CTS : 0;
        flags |= uart->cr & CR_DTR ? FR_DSR : 0;
        flags |= uart->cr & CR_OUT1 ? FR_DCD : 0;
        flags |= uart->cr & CR_OUT2 ? FR_RI : 0;
        return flags;
    }
    return flags | FR_CTS | FR_DSR | FR_DCD; // somebody is there
}

static_assert((CR_ENABLE | CR_TRANSMIT) == 0x101u && CR_LOOPBACK == 0x80u &&
                  INTERRUPT_SENT == 0x20u,
              "pl011_only_sends has these numbers");

uint32_t pl011_read(const struct pl011 *uart, uint64_t offset) {
    if (offset == PL011_FR) { // asked for before each byte
        return flags(uart);
    }
    switch (offset) {
    case PL011_RSR:
        return uart->overrun ? RSR_OVERRUN : 0;
    case PL011_ILPR:
        return uart->ilpr;
    case PL011_IBRD:
        return uart->ibrd;
    case PL011_FBRD:
        return uart->fbrd;
    case PL011_LCR_H:
        return uart->lcr_h;
    case PL011_CR:
        return uart->cr;
    case PL011_IFLS:
        return uart->ifls;
    case PL011_IMSC:
        return uart->imsc;
    case PL011_RIS:
        return uart->ris;
    case PL011_MIS:
        return uart->ris & uart->imsc;
    case PL011_DMACR:
        return uart->dmacr;
    default:
        return offset >= PL011_IDS && offset < PL011_SIZE && offset % 4 == 0
                   ? ids[(offset - PL011_IDS) / 4]
                   : 0;
    }
}

static int send(struct pl011 *uart, uint8_t byte) {
    if (!has_all(uart, CR_ENABLE | CR_TRANSMIT)) {
        return PL011_NOTHING;
    }
    // It is gone at once, and so the level at which more is wanted has been passed.
    uart->ris |= INTERRUPT_SENT;
    if (!(uart->cr & CR_LOOPBACK)) {
        return byte;
    }
    if (uart->cr & CR_RECEIVE) {
        receive(uart, byte);
    }
    return PL011_NOTHING;
}

int pl011_write(struct pl011 *uart, uint64_t offset, uint32_t value) {
    switch (offset) {
    case PL011_DR:
        return send(uart, (uint8_t)value);
    case PL011_RSR:
        uart->overrun = 0;
        break;
    case PL011_ILPR:
        uart->ilpr = (uint8_t)value;
        break;
    case PL011_IBRD:
        uart->ibrd = (uint16_t)value;
        break;
    case PL011_FBRD:
        uart->fbrd = value & 0x3f;
        break;
    case PL011_LCR_H:
        uart->lcr_h = (uint8_t)value;
        break;
    case PL011_CR:
        uart->cr = value & CR_WRITABLE;
        break;
    case PL011_IFLS:
        uart->ifls = value & IFLS_WRITABLE;
        break;
    case PL011_IMSC:
        uart->imsc = value & INTERRUPTS;
        break;
    case PL011_ICR:
        uart->ris &= (uint16_t)~(value & INTERRUPTS);
        break;
    case PL011_DMACR:
        uart->dmacr = value & 7;
        break;
    default:
        break;
    }
    return PL011_NOTHING;
}

unsigned pl011_room(const struct pl011 *uart) {
    bool listens = has_all(uart, CR_ENABLE | CR_RECEIVE) && !(uart->cr & CR_LOOPBACK);
    return listens && uart->count < depth(uart) ? depth(uart) - uart->count : 0;
}

void pl011_offer(struct pl011 *uart, uint8_t byte) {
    if (has_all(uart, CR_ENABLE | CR_RECEIVE) && !(uart->cr & CR_LOOPBACK)) {
        receive(uart, byte);
    }
}
