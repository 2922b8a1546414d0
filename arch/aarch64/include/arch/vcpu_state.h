// The guest state that stays in the hardware until another vCPU is to run (contract: struct
// arch_vcpu). Arm ARM (DDI 0487), D19.2; GICv3 (IHI 0069), chapter 12.
#pragma once

#include <stdint.h>

#define ARCH_LIST_REGISTERS 16 // at most (ICH_VTR_EL2.ListRegs)
#define ARCH_INTERRUPTS 128    // virtual INTIDs that a guest can get

// What the assembly path may do to answer a hypercall without asking (contract).
#define ARCH_FAST_EFFECTS (REPLY_RESULT | REPLY_ADVANCE)

// The interrupts that a guest's CPU has, which are its controller's: no reset of the CPU changes
// them.
struct arch_interrupts {
    uint64_t list[ARCH_LIST_REGISTERS];
    uint64_t timer; // what a list register gets for the virtual timer's interrupt; 0: nothing
    // By INTID, what a list register would hold of those that find none, and a bit for each of
    // them.
    uint64_t waiting[ARCH_INTERRUPTS];
    uint64_t held[ARCH_INTERRUPTS / 64];
    uint64_t ended[ARCH_INTERRUPTS / 64]; // to be reported by a WINDOW exit
};

struct arch_vcpu {
    uint64_t hcr; // what the trap vector puts into HCR_EL2 for it
    uint64_t vttbr;
    uint64_t vmpidr;
    uint64_t mdcr;

    // By their names at EL1; the EL2 that looks at them adds 12 or 02 (VHE).
    uint64_t sctlr, cpacr, ttbr0, ttbr1, tcr, mair, amair, vbar, esr, far, afsr0, afsr1, elr, spsr;
    uint64_t contextidr, cntkctl;
    uint64_t sp_el1, tpidr_el1, tpidrro_el0, par, csselr;
    uint64_t cntv_ctl, cntv_cval;

    // The CPU interface: active priorities, and the guest's view of its controls.
    uint64_t ap0r, ap1r;
    uint64_t vmcr;
    struct arch_interrupts interrupts;
};
