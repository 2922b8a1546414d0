// How a device's registers of one byte are reached (contract: each architecture has this header). A
// port has an address, too: that of the page that stands for it and seven others (arch/ports.h).
#pragma once

#include <stdint.h>

#include "arch/ports.h"

static inline uint16_t arch_device_port(const volatile void *at) {
    uint64_t offset = (uint64_t)at - PORTS_ADDRESS;
    return (uint16_t)(offset / 4096 * 8 + offset % 4096);
}

// Behind the instructions that reach the port nothing stands: who needs that
// (servers/console/put.h) finds the next one of its own there.
static inline uint8_t arch_device_load8(const volatile void *at) {
    if ((uint64_t)at < PORTS_ADDRESS) {
        return *(const volatile uint8_t *)at;
    }
    uint8_t value;
    __asm__ volatile("inb %%dx, %0" : "=a"(value) : "d"(arch_device_port(at)) : "memory");
    return value;
}

static inline void arch_device_store8(volatile void *at, uint8_t value) {
    if ((uint64_t)at < PORTS_ADDRESS) {
        *(volatile uint8_t *)at = value;
        return;
    }
    __asm__ volatile("outb %0, %%dx" ::"a"(value), "d"(arch_device_port(at)) : "memory");
}

// Where a space must have the device of physical ADDRESS; 0: anywhere.
static inline uint64_t arch_device_place(uint64_t address) {
    return address < PORTS_PHYSICAL ? 0 : address - PORTS_PHYSICAL + PORTS_ADDRESS;
}
