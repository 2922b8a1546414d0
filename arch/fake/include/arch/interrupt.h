// Virtual interrupts by their number in RAISE and CLEAR (contract: each architecture has this
// header, with INTERRUPT_TIMER, that of the guest's timer, and INTERRUPT_COUNT, one more than the
// largest).
#pragma once

#include <stdint.h>

enum interrupt { INTERRUPT_SOFTWARE, INTERRUPT_TIMER, INTERRUPT_EXTERNAL, INTERRUPT_COUNT };

// As aarch64 has them, for servers of its guests, which are tested here, too.
#define INTERRUPT_GIC(intid, priority) ((uint32_t)(intid) | (uint32_t)(priority) << 8)
#define INTERRUPT_NOTIFY (1u << 16)
#define INTERRUPT_GROUP0 (1u << 17)
#define INTERRUPT_SOURCE(vcpu) ((uint32_t)(vcpu) << 20)
#define INTERRUPT_GIC_TIMER 27
