// There is no firmware for a console here, so the kernel drives the UART itself (Arm PL011, DDI
// 0183, chapter 3). What ends the machine is PSCI (Arm DEN 0022, chapter 5).
#include "arch/aarch64/guest/firmware.h"

#include <stdint.h>

#include "guest/firmware.h"

#define UART_DATA 0x00
#define UART_FLAGS 0x18
#define UART_LINE_CONTROL 0x2c
#define UART_CONTROL 0x30
#define FLAGS_BUSY (1u << 3)
#define FLAGS_NOTHING_RECEIVED (1u << 4)
#define FLAGS_NO_ROOM (1u << 5)
#define LINE_CONTROL_8_BITS_FIFO 0x70u
#define CONTROL_ON 0x301u // the UART, its sender and its receiver
#define DATA_ERRORS 0xf00u

#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u

// NULL until it is found: what is written before is lost.
static volatile uint8_t *uart;
static bool calls_by_smc;

static volatile uint32_t *reg(unsigned offset) { return (volatile uint32_t *)(uart + offset); }

void firmware_init(volatile void *uart_registers, bool by_smc) {
    uart = uart_registers;
    calls_by_smc = by_smc;
    if (uart == NULL)
        return;
    *reg(UART_LINE_CONTROL) = LINE_CONTROL_8_BITS_FIFO;
    *reg(UART_CONTROL) = CONTROL_ON;
}

void firmware_write(const char *text, size_t size) {
    for (; uart != NULL && size > 0; size--, text++) {
        while (*reg(UART_FLAGS) & FLAGS_NO_ROOM)
            ;
        *reg(UART_DATA) = (unsigned char)*text;
    }
}

size_t firmware_read(char *to, size_t size) {
    size_t used = 0;
    while (uart != NULL && used < size && !(*reg(UART_FLAGS) & FLAGS_NOTHING_RECEIVED)) {
        const uint32_t data = *reg(UART_DATA);
        if (!(data & DATA_ERRORS))
            to[used++] = (char)data;
    }
    return used;
}

// A call changes x0 to x3 at most (SMCCC 1.1, DEN 0028, 2.6); older ones up to x17.
static void psci_call(uint32_t function) {
    register uint64_t x0 __asm__("x0") = function;
    if (calls_by_smc)
        __asm__ volatile("smc #0"
                         : "+r"(x0)::"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10",
                           "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
    else
        __asm__ volatile("hvc #0"
                         : "+r"(x0)::"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10",
                           "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
}

// PSCI has no word for a failure. A machine that is not well asks to be started again, and whoever
// does not want that knows then.
_Noreturn void firmware_shutdown(bool failed) {
    if (uart != NULL) {
        // What is still in the UART would be lost with the power.
        while (*reg(UART_FLAGS) & FLAGS_BUSY)
            ;
    }
    psci_call(failed ? PSCI_SYSTEM_RESET : PSCI_SYSTEM_OFF);
    for (;;)
        __asm__ volatile("wfi");
}
