// Virtual interrupts by their number in RAISE and CLEAR (contract: each architecture has this
// header, with INTERRUPT_TIMER, that of the guest's timer, and INTERRUPT_COUNT, one more than the
// largest).
#pragma once

#include <stdint.h>

// INTIDs of the guest's GICv3, with a priority (0: the highest) in the upper byte.
enum interrupt { INTERRUPT_TIMER = 27, INTERRUPT_COUNT = 1 << 16 };

#define INTERRUPT_GIC(intid, priority) ((uint32_t)(intid) | (uint32_t)(priority) << 8)
