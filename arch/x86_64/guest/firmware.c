// The console and the end of the machine: the hypervisor's calls, or a PC's own devices: the first
// serial port, a 16550, and the power management of QEMU's q35 (PIIX4 and ICH9 datasheets,
// PM1_CNT).
#include "guest/firmware.h"

#include <stdint.h>

#include "arch/x86_64/guest/hypervisor.h"
#include "arch/x86_64/guest/x86.h"

#define UART_DATA 0x3f8
#define UART_STATUS 0x3fd
#define STATUS_RECEIVED (1u << 0)
#define STATUS_ROOM (1u << 5)
#define STATUS_ALL_SENT (1u << 6)
#define STATUS_NO_UART 0xff

// Its FADT names this port, and its DSDT sleep type 0 for "off".
#define PM1_CONTROL 0x604
#define PM1_SLEEP (1u << 13)

void firmware_write(const char *text, size_t size) {
    for (; size > 0; size--, text++) {
        if (hypervisor_is_there()) {
            hypervisor_call(HYPERVISOR_PUT_CHARACTER(*text));
            continue;
        }
        while (!(x86_in8(UART_STATUS) & STATUS_ROOM))
            ;
        x86_out8(UART_DATA, (uint8_t)*text);
    }
}

size_t firmware_read(char *to, size_t size) {
    size_t used = 0;
    for (; used < size; used++) {
        const uint8_t status = x86_in8(UART_STATUS);
        if (status == STATUS_NO_UART || !(status & STATUS_RECEIVED))
            break;
        to[used] = (char)x86_in8(UART_DATA);
    }
    return used;
}

// A PC has no word for a failure.
_Noreturn void firmware_shutdown(bool failed) {
    if (hypervisor_is_there()) {
        hypervisor_call(failed ? HYPERVISOR_OFF_FAILED : HYPERVISOR_OFF);
    } else {
        // What is still in the UART would be lost with the power.
        while (!(x86_in8(UART_STATUS) & STATUS_ALL_SENT))
            ;
        x86_out16(PM1_CONTROL, PM1_SLEEP);
    }
    for (;;)
        __asm__ volatile("cli\nhlt");
}
