// Registers of the local APIC by whichever way a test wants: MSRs (x2APIC), or the page.
#pragma once

#include <stdint.h>

// Offsets in the page; as MSRs they lie 16 times closer (APM volume 2, 16.3.2, 16.11).
enum lapic_register {
    LAPIC_ID = 0x020,
    LAPIC_TPR = 0x080,
    LAPIC_END = 0x0b0,
    LAPIC_SPURIOUS = 0x0f0,
    LAPIC_COMMAND = 0x300,
    LAPIC_COMMAND_HIGH = 0x310,
};

#define LAPIC_ENABLED 0x100u  // of SPURIOUS
#define LAPIC_SELF (1u << 18) // of COMMAND

extern volatile uint8_t *lapic_page; // NULL: MSRs

void lapic_put(unsigned offset, uint32_t value);
uint32_t lapic_get(unsigned offset);
