// The guest state that stays in the hardware until another vCPU is to run (contract: struct
// arch_vcpu). Privileged architecture 1.12, §8.2.
#pragma once

#include <stdint.h>

// What the assembly path may do to answer a hypercall without asking (contract).
#define ARCH_FAST_EFFECTS (REPLY_RESULT | REPLY_ADVANCE | REPLY_DEADLINE)

struct arch_vcpu {
    uint64_t vsstatus, vsie, vstvec, vsscratch, vsepc, vscause, vstval, vsatp;
    uint64_t hvip;
    uint64_t vstimecmp;
    uint64_t hgatp;
    uint64_t hcounteren;
    uint64_t henvcfg;
    // Supervisor registers that have no second copy for guests: a guest writes the very ones that
    // rule what servers may do.
    uint64_t scounteren, senvcfg;
};
