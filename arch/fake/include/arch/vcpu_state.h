// The guest state that stays in the hardware until another vCPU is to run (contract: struct
// arch_vcpu). The fake CPU's guest registers are machine.guest.
#pragma once

#include <stdint.h>

// What the assembly path may do to answer a hypercall without asking (contract).
#define ARCH_FAST_EFFECTS (REPLY_RESULT | REPLY_ADVANCE | REPLY_DEADLINE)

struct arch_vcpu {
    uint64_t pending;  // 1 << enum interrupt
    uint64_t enabled;  // the same: what ends the guest's wait
    uint64_t ended;    // the same: what a WINDOW exit is to tell
    uint64_t own_time; // when its own timer fires, with VCPU_FEATURE_TIMER
    uint64_t vector;   // where its exceptions go
    uint64_t exception_pc, exception_cause, exception_value;
};
