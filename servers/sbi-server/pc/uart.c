#include "servers/sbi-server/pc/uart.h"

#include "servers/sbi-server/console.h"

// PC16550D datasheet, chapter 8. Registers by their offset; the first two are the divisor's while
// LCR says so.
enum { DATA, INTERRUPT_ENABLE, IDENTIFY, LINE_CONTROL, MODEM_CONTROL, MODEM = 6, SCRATCH };
#define FIFO_CONTROL IDENTIFY

#define LINE_CONTROL_DIVISOR 0x80u
#define ENABLE_RECEIVED 0x01u
#define ENABLE_SENT 0x02u
#define ENABLE_ALL 0x0fu
#define FIFO_ENABLE 0x01u
#define IDENTIFY_NONE 0x01u
#define IDENTIFY_SENT 0x02u
#define IDENTIFY_RECEIVED 0x04u
#define IDENTIFY_FIFO 0xc0u
#define MODEM_CONTROL_ALL 0x1fu
#define MODEM_CONTROL_LOOP 0x10u
#define MODEM_ALWAYS 0xb0u // carrier, ready, clear to send

// What the guest wrote, in the state's word: a byte each.
enum kept {
    KEPT_DIVISOR_LOW,
    KEPT_DIVISOR_HIGH,
    KEPT_ENABLE,
    KEPT_FIFO,
    KEPT_LINE,
    KEPT_MODEM,
    KEPT_SCRATCH
};

static const struct firmware_console_state *state_of(const struct firmware_call *call) {
    return &call->state->console[call->place];
}

static uint8_t kept(const struct firmware_call *call, enum kept which) {
    return (uint8_t)(state_of(call)->uart >> (8 * which));
}

static uint32_t keep(struct firmware_call *call, enum kept which, uint8_t value) {
    const unsigned shift = 8 * which;
    const uint64_t uart = (state_of(call)->uart & ~(UINT64_C(0xff) << shift)) | (uint64_t)value
                                                                                    << shift;
    state_set(&call->firmware->state, &state_of(call)->uart, uart);
    return FIRMWARE_COMMIT;
}

static bool sets_divisor(const struct firmware_call *call) {
    return (kept(call, KEPT_LINE) & LINE_CONTROL_DIVISOR) != 0;
}

static bool loops(const struct firmware_call *call) {
    return (kept(call, KEPT_MODEM) & MODEM_CONTROL_LOOP) != 0;
}

static uint8_t identify(const struct firmware_call *call) {
    const uint8_t fifo = kept(call, KEPT_FIFO) & FIFO_ENABLE ? IDENTIFY_FIFO : 0;
    const uint8_t enabled = kept(call, KEPT_ENABLE);
    if ((enabled & ENABLE_RECEIVED) && console_waiting(call) > 0) {
        return fifo | IDENTIFY_RECEIVED;
    }
    return fifo | (enabled & ENABLE_SENT ? IDENTIFY_SENT : IDENTIFY_NONE);
}

// While it loops, the outputs are the inputs: CTS from RTS, DSR from DTR, RI and DCD from the rest.
static uint8_t modem(const struct firmware_call *call) {
    const unsigned out = kept(call, KEPT_MODEM);
    if (!loops(call)) {
        return MODEM_ALWAYS;
    }
    return (uint8_t)((out & 2) << 3 | (out & 1) << 5 | (out & 4) << 4 | (out & 8) << 4);
}

static uint32_t receive(struct firmware_call *call, uint8_t *byte) {
    *byte = 0;
    return console_waiting(call) > 0 ? console_read(call, byte, 1) | FIRMWARE_COMMIT : 0;
}

static uint32_t read_register(struct firmware_call *call, unsigned number, uint8_t *byte) {
    switch (number) {
    case DATA:
        if (!sets_divisor(call)) {
            return receive(call, byte);
        }
        *byte = kept(call, KEPT_DIVISOR_LOW);
        break;
    case INTERRUPT_ENABLE:
        *byte = kept(call, sets_divisor(call) ? KEPT_DIVISOR_HIGH : KEPT_ENABLE);
        break;
    case IDENTIFY:
        *byte = identify(call);
        break;
    case LINE_CONTROL:
        *byte = kept(call, KEPT_LINE);
        break;
    case MODEM_CONTROL:
        *byte = kept(call, KEPT_MODEM);
        break;
    case UART_LINE:
        *byte = uart_line(console_waiting(call) > 0);
        break;
    case MODEM:
        *byte = modem(call);
        break;
    default:
        *byte = kept(call, KEPT_SCRATCH);
        break;
    }
    return 0;
}

static uint32_t send(struct firmware_call *call, uint8_t byte) {
    if (loops(call) || console_room(call) == 0) {
        return 0; // nobody gets it
    }
    return console_write(call, &byte, 1) | FIRMWARE_COMMIT;
}

static uint32_t write_register(struct firmware_call *call, unsigned number, uint8_t byte) {
    switch (number) {
    case DATA:
        return sets_divisor(call) ? keep(call, KEPT_DIVISOR_LOW, byte) : send(call, byte);
    case INTERRUPT_ENABLE:
        return sets_divisor(call) ? keep(call, KEPT_DIVISOR_HIGH, byte)
                                  : keep(call, KEPT_ENABLE, byte & ENABLE_ALL);
    case FIFO_CONTROL:
        return keep(call, KEPT_FIFO, byte & FIFO_ENABLE);
    case LINE_CONTROL:
        return keep(call, KEPT_LINE, byte);
    case MODEM_CONTROL:
        return keep(call, KEPT_MODEM, byte & MODEM_CONTROL_ALL);
    case SCRATCH:
        return keep(call, KEPT_SCRATCH, byte);
    default:
        return 0; // the others are read only
    }
}

uint32_t uart_access(struct firmware_call *call, struct port_access *access) {
    const unsigned number = access->port - UART_PORT;
    if (!access->in) {
        return write_register(call, number, (uint8_t)access->value);
    }
    uint8_t byte;
    const uint32_t todo = read_register(call, number, &byte);
    access->value = byte;
    return todo;
}

bool uart_must_wait(const struct firmware_call *call, const struct port_access *access) {
    return !access->in && access->port == UART_PORT + DATA && !sets_divisor(call) && !loops(call) &&
           call->vm->out && console_room(call) == 0;
}
