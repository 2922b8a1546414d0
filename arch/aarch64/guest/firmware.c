// There is no firmware for a console here, so the kernel drives the UART itself (Arm PL011, DDI
// 0183, chapter 3). What ends the machine is PSCI (Arm DEN 0022, chapter 5).
#include "arch/aarch64/guest/firmware.h"

#include <stdint.h>

#include "guest/firmware.h"
#include "guest/lib/string.h"

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

// PSCI 1.0 describes itself as 0.2 too, but need not (Linux, bindings/arm/psci.yaml).
static bool psci_by_smc(const struct machine *machine) {
    const char *method = machine_device_text(machine, "arm,psci-1.0", "method");
    if (method == NULL)
        method = machine_device_text(machine, "arm,psci-0.2", "method");
    return method != NULL && strcmp(method, "smc") == 0;
}

void firmware_init(const struct machine *machine, firmware_map *map) {
    struct machine_range range;
    calls_by_smc = psci_by_smc(machine);
    if (!machine_device(machine, "arm,pl011", 0, &range))
        return;
    uart = map((struct phys){range.base}, PAGE_SIZE);
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
#define CALL(instruction)                                                                          \
    __asm__ volatile(instruction " #0"                                                             \
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"x4", "x5", "x6", "x7", "x8", "x9", \
                       "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory")

uint64_t firmware_call(uint64_t function, uint64_t a, uint64_t b, uint64_t c) {
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;
    if (calls_by_smc)
        CALL("smc");
    else
        CALL("hvc");
    return x0;
}

// PSCI has no word for a failure. A machine that is not well asks to be started again, and whoever
// does not want that knows then.
_Noreturn void firmware_shutdown(bool failed) {
    if (uart != NULL) {
        // What is still in the UART would be lost with the power.
        while (*reg(UART_FLAGS) & FLAGS_BUSY)
            ;
    }
    firmware_call(failed ? PSCI_SYSTEM_RESET : PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}
