// The guest state that is neither in struct regs nor in the VMCB (contract: struct arch_vcpu).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ARCH_VECTORS 256
#define ARCH_PLAIN 256 // as many as a byte has values
#define VCPU_NOTHING_OFFERED (-1)

// What comes before a vCPU goes on that is off (enum vcpu_due): a STARTUP.
#define DUE_STARTUP 8

// Non-maskable interrupts, bits: one has not been delivered; one is being served; it ends with the
// IRET that the guest was about to do.
#define NMI_DUE 1
#define NMI_SERVED 2
#define NMI_ENDS 4

// What the assembly path may do to answer a hypercall without asking (contract).
#define ARCH_FAST_EFFECTS (REPLY_RESULT | REPLY_ADVANCE)

struct arch_vcpu {
    uint64_t vmcb;       // its physical address
    uint64_t generation; // of its ASID: other than the current one means that it has none
    uint64_t pending[ARCH_VECTORS / 64];
    int16_t offered;            // the one that the hardware is to deliver; VCPU_NOTHING_OFFERED
    uint64_t plain[ARCH_PLAIN]; // by its low byte: where an instruction has no prefixes
    uint64_t debug[4];          // DR0 to DR3, while they are not in the hardware
    bool debugs;                // the guest has touched them
    uint8_t nmi;                // NMI_DUE, NMI_SERVED, NMI_ENDS
    uint64_t nmi_rip, nmi_rsp;  // with NMI_ENDS: where that IRET was
    bool window;                // the WINDOW exit was asked for
};
