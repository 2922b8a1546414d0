// The local interrupt controller of the CPU (APM volume 2, chapter 16), as far as its timer needs
// it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/mmu.h"

// Lets the timer's interrupt reach this CPU. `map` shows the registers, where they are in memory.
void apic_init(volatile void *(*map)(struct phys at, uint64_t size));

// The registers are memory, as after a reset, and stay what they are. In place of apic_init().
void apic_use_memory(volatile void *(*map)(struct phys at, uint64_t size));

// Sends an interrupt to the CPU with that local APIC: COMMAND is the command register's lower half.
void apic_send(uint32_t cpu, uint32_t command);

// The interrupt that was taken last has been handled.
void apic_end(void);

// Whether the timer can be told the time stamp at which it is to interrupt, rather than a count.
bool apic_takes_deadlines(void);

// The time stamp; 0 is none. Only where it takes deadlines.
void apic_set_deadline(uint64_t time_stamp);

// Counts down from there and interrupts at 0, once; 0 stops it.
void apic_set_count(uint32_t count);
uint32_t apic_count(void);
