// Virtual interrupts by their number in RAISE and CLEAR (contract: each architecture has this
// header, with INTERRUPT_TIMER, that of the guest's timer, INTERRUPT_TIMER_EXPIRED, the number by
// which it is raised, and INTERRUPT_COUNT, one more than the largest).
#pragma once

#include <stdint.h>

// INTIDs of the guest's GICv3, with a priority (0: the highest) in the upper byte.
enum interrupt { INTERRUPT_TIMER = 27, INTERRUPT_COUNT = 1 << 16 };

#define INTERRUPT_GIC(intid, priority) ((uint32_t)(intid) | (uint32_t)(priority) << 8)

// With CLEAR: that it is active is taken back, not that it is pending.
#define INTERRUPT_ACTIVE(intid) ((uint32_t)(intid) | 1u << 8)

// With the priority that Linux and others give to all of theirs: who raises it does not know what
// the guest wrote to its interrupt controller.
#define INTERRUPT_TIMER_EXPIRED INTERRUPT_GIC(INTERRUPT_TIMER, 0xa0)
