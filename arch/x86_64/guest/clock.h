// Where the clock gets to know the machine.
#pragma once

#include <stdbool.h>

// Finds out how fast the time stamp counter and the LAPIC's timer run, which apic_init() has set
// up. False when nothing tells.
bool clock_init(void);
