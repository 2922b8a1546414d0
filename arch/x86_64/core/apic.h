// The local APIC, whose timer is the host's, and the I/O APIC, whose lines are devices' (APM volume
// 2, chapter 16; 82093AA data sheet).
#pragma once

#include <stdint.h>

// Vectors. Lines from APIC_LINES on, by their number at the I/O APIC.
#define APIC_LINES 0x30u
#define APIC_TIMER 0xf0u
#define APIC_SPURIOUS 0xffu

// Switches the local APIC on, and everything off that came by the two controllers of old PCs.
void apic_init(void);

// The interrupt that was taken is done with.
void apic_end(void);

// An interrupt after COUNT of the timer's ticks; how many of them are left.
void apic_timer_set(uint32_t count);
uint32_t apic_timer_left(void);
