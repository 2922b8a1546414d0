// How a device's registers of one byte are reached (contract: each architecture has this header).
#pragma once

#include <stdint.h>

static inline uint8_t arch_device_load8(const volatile void *at) {
    return *(const volatile uint8_t *)at;
}

static inline void arch_device_store8(volatile void *at, uint8_t value) {
    *(volatile uint8_t *)at = value;
}

// Where a space must have the device of physical ADDRESS; 0: anywhere.
static inline uint64_t arch_device_place(uint64_t address) {
    (void)address;
    return 0;
}
