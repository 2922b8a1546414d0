// What the parts for aarch64 share.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/recovery/guest/recovery.h"

// PSCI (Arm DEN 0022) and the SMC calling convention (DEN 0028).
#define PSCI_VERSION 0x84000000u
#define PSCI_CPU_SUSPEND 0xc4000001u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON 0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_FEATURES 0x8400000au
#define PSCI_STANDBY 0
#define PSCI_OFF 1
#define SMCCC_VERSION 0x80000000u

// Calls the firmware and mixes what it returns.
void ask(uint64_t function, uint64_t a, uint64_t b, uint64_t c);

// Device registers, by instructions that hardware describes: no address that is changed with them.
static inline uint32_t load(uint64_t at) {
    uint32_t value;
    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
    return value;
}
static inline void store(uint64_t at, uint32_t value) {
    __asm__ volatile("str %w0, [%1]" ::"r"(value), "r"(at) : "memory");
}
static inline void store_byte(uint64_t at, uint8_t value) {
    __asm__ volatile("strb %w0, [%1]" ::"r"(value), "r"(at) : "memory");
}
static inline void store_wide(uint64_t at, uint64_t value) {
    __asm__ volatile("str %0, [%1]" ::"r"(value), "r"(at) : "memory");
}

// Software interrupt 1 goes to the CPU with that affinity.
void send_software(uint64_t cpu);

// Waits until an interrupt is pending; interrupts are off.
void await_interrupt(void);

// The same, and takes it, as an exception or by asking the controller for it.
void wait_interrupt(bool as_exception);

// The interrupt controller is told of a shared interrupt that has no device: pending and not any
// more, disabled and enabled, active and not any more.
void interrupts_begin(const struct machine *machine);
void interrupts_round(void);

// Lets a shared interrupt reach the first CPU, or no longer.
void interrupt_enable(unsigned interrupt, bool on);

// The UART: its registers, and its interrupt, which comes as long as its cause is there.
#define UART_INTERRUPT 33
void console_begin(const struct machine *machine);
void console_interrupt(void);
