// Ports: a table of what is there. All others end the VM: on a PC most of them are devices of the
// machine's, and a guest that writes there has lost its way.
#include "servers/sbi-server/console.h"
#include "servers/sbi-server/pc/string.h"
#include "servers/sbi-server/pc/uart.h"

// Nobody answers: what is read is all ones.
static uint32_t nothing(struct firmware_call *call, struct port_access *access) {
    (void)call, (void)access;
    return 0;
}

static const struct {
    uint32_t first, count;
    unsigned size; // of the accesses that it takes; to others nobody answers. 0: any
    port_function *access;
} devices[] = {
    {UART_PORT, UART_PORTS, 1, uart_access},
    {0x0070, 2, 0, nothing}, // the real-time clock
    {0x0080, 1, 0, nothing}, // where software writes to that wants to wait
    {0x0cf8, 8, 0, nothing}, // PCI configuration
};
#define DEVICES (sizeof(devices) / sizeof(devices[0]))

static port_function *find(const struct port_access *access) {
    for (unsigned i = 0; i < DEVICES; i++) {
        if (access->port - devices[i].first < devices[i].count) {
            const bool takes = devices[i].size == 0 || devices[i].size == access->size;
            return takes ? devices[i].access : nothing;
        }
    }
    return NULL;
}

// What is read into a part of RAX: 32 bits clear the rest (APM volume 1, 3.1.2).
static uint64_t merged(uint64_t rax, const struct port_access *access) {
    if (access->size == 4) {
        return access->value;
    }
    const uint64_t mask = (UINT64_C(1) << (8 * access->size)) - 1;
    return (rax & ~mask) | (access->value & mask);
}

static uint32_t refuse(struct firmware_call *call, struct reply *reply,
                       const struct port_access *access) {
    return firmware_report(call, reply, REPORT_PORT, access->port,
                           access->in ? ACCESS_READ : ACCESS_WRITE);
}

static uint32_t port(struct firmware_call *call, struct reply *reply) {
    const uint64_t info = call->argument[0], rax = call->argument[1];
    struct port_access access = {.port = PORT_NUMBER(info),
                                 .size = PORT_SIZE(info),
                                 .in = (info & PORT_IN) != 0,
                                 .value = info & PORT_IN ? UINT32_MAX : (uint32_t)rax};
    port_function *function = find(&access);
    if (!function) {
        return refuse(call, reply, &access);
    }
    if (function == uart_access && uart_must_wait(call, &access) && console_full(call)) {
        return FIRMWARE_FLUSH;
    }
    if (info & PORT_STRING) {
        const uint32_t todo = string_access(call, reply, function, &access, info & PORT_REPEAT);
        return todo == STRING_UNREADABLE ? refuse(call, reply, &access) : todo;
    }
    const uint32_t todo = function(call, &access);
    reply->flags = REPLY_FLAGS | REPLY_ADVANCE;
    if (access.in) {
        reply->flags |= REPLY_WRITE | REPLY_REGISTER(0);
        reply->word[0] = merged(rax, &access);
    }
    return todo & FIRMWARE_COMMIT ? todo | firmware_keep(call, reply) : todo;
}

firmware_function *const firmware_port = port;
