// The first serial port (a 16550), beyond what print() does.
#include "arch/x86_64/guest/x86.h"
#include "guest/firmware.h"
#include "tests/recovery/guest/x86_64/recovery.h"

#define UART_DATA 0x3f8
#define UART_SCRATCH 0x3ff
#define UART_STATUS 0x3fd

void console_round(uint64_t round, bool input) {
    // Of no size that is a power of two, so that the ring's end falls on every one of these bytes
    // in the end.
    static const char text[] = "@ by the port;\n";
    for (uint64_t i = 0; i <= round % 4; i++) {
        for (const char *at = text; *at != '\0'; at++)
            x86_out8(UART_DATA, (uint8_t)*at);
    }
    x86_out8(UART_SCRATCH, (uint8_t)round);
    mix(x86_in8(UART_SCRATCH));
    mix(x86_in8(UART_STATUS) & (input ? 0xfe : 0xff));
    if (!input)
        mix(x86_in8(UART_DATA));
}

const char *typed_text(uint64_t bytes) {
    static char typed[64];
    uint64_t got = 0;
    while (got < bytes && got < sizeof(typed) - 1) {
        // How often depends on the time: that is not noted.
        doze();
        got += firmware_read(typed + got, bytes - got);
    }
    return typed;
}
