// The UART's registers (Arm PL011, DDI 0183, chapter 3), beyond what print() does.
#include "arch/aarch64/guest/gic.h"
#include "guest/bare.h"
#include "guest/firmware.h"
#include "tests/recovery/guest/aarch64/recovery.h"
#include "tests/system/guests/check.h"

#define UART_DR 0x00
#define UART_FR 0x18
#define UART_CR 0x30
#define UART_IFLS 0x34
#define UART_IMSC 0x38
#define UART_RIS 0x3c
#define UART_MIS 0x40
#define UART_ICR 0x44
#define CR_ON 0x301u // the UART, its sender and its receiver
#define CR_LOOPBACK (1u << 7)
#define FR_NOTHING_RECEIVED (1u << 4)
#define INTERRUPTS 0x7ffu
#define INTERRUPT_RECEIVED 0x50u // enough, or nothing more for a while
#define LOOPED 3

static uint64_t uart;
// How often the interrupt is to come again before its cause is taken away, and whether that is
// done.
static unsigned again;
static volatile bool drained;

void console_begin(const struct machine *machine) {
    struct machine_range range = {0, 0};
    check(machine_device(machine, "arm,pl011", 0, &range), "an arm,pl011");
    uart = range.base;
}

void console_interrupt(void) {
    mix(load(uart + UART_MIS));
    if (again > 0) {
        again--;
        return;
    }
    while (!(load(uart + UART_FR) & FR_NOTHING_RECEIVED))
        mix(load(uart + UART_DR));
    drained = true;
}

// At once, perhaps, so that both come at the one instruction where they are taken.
static void wait_drained(bool as_exception) {
    drained = false;
    while (!drained)
        wait_interrupt(as_exception);
}

// What is sent comes back, and interrupts, once or twice.
static void loop_back(uint64_t round) {
    store(uart + UART_CR, CR_ON | CR_LOOPBACK);
    interrupt_enable(UART_INTERRUPT, true);
    store(uart + UART_IMSC, INTERRUPT_RECEIVED);
    for (uint64_t i = 0; i < LOOPED; i++)
        store(uart + UART_DR, (uint32_t)(round + i) & 0x7f);
    again = 1;
    wait_drained(true);
    store(uart + UART_DR, 'x');
    again = 1;
    wait_drained(false);
    store(uart + UART_DR, 'y');
    wait_drained(true);
    store(uart + UART_IMSC, 0);
    interrupt_enable(UART_INTERRUPT, false);
    mix(load(uart + UART_RIS));
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
    interrupt_enable(UART_INTERRUPT, true);
    store(uart + UART_IMSC, INTERRUPT_RECEIVED);
    while (got < bytes && got < sizeof(typed) - 1) {
        // How often depends on the time: that is not noted.
        await_interrupt();
        const unsigned interrupt = gic_claim();
        got += firmware_read(typed + got, bytes - got);
        if (interrupt != GIC_NONE)
            gic_end(interrupt);
    }
    store(uart + UART_IMSC, 0);
    return typed;
}
