// Virtual interrupts by their number in RAISE and CLEAR (contract: each architecture has this
// header, with INTERRUPT_TIMER, that of the guest's timer, INTERRUPT_TIMER_EXPIRED, the number by
// which it is raised, and INTERRUPT_COUNT, one more than the largest).
#pragma once

#include <stdint.h>

enum interrupt { INTERRUPT_SOFTWARE, INTERRUPT_TIMER, INTERRUPT_EXTERNAL, INTERRUPT_COUNT };

#define INTERRUPT_TIMER_EXPIRED INTERRUPT_TIMER

// As aarch64 has them, for servers of its guests, which are tested here, too.
#define INTERRUPT_GIC(intid, priority) ((uint32_t)(intid) | (uint32_t)(priority) << 8)
#define INTERRUPT_ACTIVE(intid) ((uint32_t)(intid) | 1u << 8)
