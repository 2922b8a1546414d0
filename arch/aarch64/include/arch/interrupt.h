// Virtual interrupts by their number in RAISE and CLEAR (contract: each architecture has this
// header, with INTERRUPT_TIMER, that of the guest's timer, and INTERRUPT_COUNT, one more than the
// largest).
#pragma once

#include <stdint.h>

// Replies raise the virtual timer's interrupt and no other.
enum interrupt { INTERRUPT_TIMER, INTERRUPT_COUNT };

// All others go through whoever plays the guest's GIC (VCPU_INTERRUPT, ipc/syscall.h): by INTID,
// with a priority (0: the highest), and a mark by which their end is reported by a WINDOW exit.
#define INTERRUPT_GIC(intid, priority) ((uint32_t)(intid) | (uint32_t)(priority) << 8)
#define INTERRUPT_NOTIFY (1u << 16)
// For guests that use group 0, and see where an SGI comes from, both as those of a GICv2 do. A vCPU
// has an SGI from one source at a time: another one's is given when that has ended.
#define INTERRUPT_GROUP0 (1u << 17)
#define INTERRUPT_SOURCE(vcpu) ((uint32_t)(vcpu) << 20)
#define INTERRUPT_GIC_TIMER 27 // INTERRUPT_TIMER's INTID
