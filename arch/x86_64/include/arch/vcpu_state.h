// The guest state that is neither in struct regs nor in the VMCB (contract: struct arch_vcpu).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ARCH_VECTORS 256
#define VCPU_NOTHING_OFFERED (-1)

// What the assembly path may do to answer a hypercall without asking (contract).
#define ARCH_FAST_EFFECTS (REPLY_RESULT | REPLY_ADVANCE)

struct arch_vcpu {
    uint64_t vmcb;       // its physical address
    uint64_t generation; // of its ASID: other than the current one means that it has none
    uint64_t pending[ARCH_VECTORS / 64];
    int16_t offered; // the one that the hardware is to deliver; VCPU_NOTHING_OFFERED
    bool window;     // the WINDOW exit was asked for
};
