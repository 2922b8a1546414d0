// The UART's registers (Arm PL011, DDI 0183, chapter 3), beyond what print() does.
#include "guest/bare.h"
#include "guest/firmware.h"
#include "tests/recovery/guest/aarch64/recovery.h"
#include "tests/system/guests/check.h"

#define UART_DR 0x00
#define UART_FR 0x18
#define UART_CR 0x30
#define UART_IFLS 0x34
#define UART_RIS 0x3c
#define UART_ICR 0x44
#define CR_ON 0x301u // the UART, its sender and its receiver
#define CR_LOOPBACK (1u << 7)
#define INTERRUPTS 0x7ffu
#define LOOPED 3

static uint64_t uart;

void console_begin(const struct machine *machine) {
    struct machine_range range = {0, 0};
    check(machine_device(machine, "arm,pl011", 0, &range), "an arm,pl011");
    uart = range.base;
}

// What is sent comes back.
static void loop_back(uint64_t round) {
    store(uart + UART_CR, CR_ON | CR_LOOPBACK);
    for (uint64_t i = 0; i < LOOPED; i++)
        store(uart + UART_DR, (uint32_t)(round + i) & 0x7f);
    mix(load(uart + UART_RIS));
    for (uint64_t i = 0; i < LOOPED; i++)
        mix(load(uart + UART_DR));
    mix(load(uart + UART_FR));
    store(uart + UART_ICR, INTERRUPTS);
    mix(load(uart + UART_RIS));
    store(uart + UART_CR, CR_ON);
}

void console_round(uint64_t round, bool input) {
    // The emulated UART always has room. Of no size that is a power of two, so that the ring's end
    // falls on every one of these bytes in the end.
    static const char text[] = "@ no room asked;\n";
    for (uint64_t i = 0; i <= round % 4; i++) {
        for (const char *at = text; *at != '\0'; at++)
            store_byte(uart + UART_DR, (uint8_t)*at);
    }
    store(uart + UART_IFLS, (uint32_t)round & 7);
    mix(load(uart + UART_IFLS));
    if (!input)
        loop_back(round);
}

const char *typed_text(uint64_t bytes) {
    static char typed[64];
    uint64_t got = 0;
    while (got < bytes && got < sizeof(typed) - 1)
        got += firmware_read(typed + got, bytes - got);
    return typed;
}
