// The guest state that stays in the hardware until another vCPU is to run (contract: struct
// arch_vcpu). Arm ARM (DDI 0487), D19.2; GICv3 (IHI 0069), chapter 12.
#pragma once

#include <stdint.h>

#define ARCH_LIST_REGISTERS 16 // at most (ICH_VTR_EL2.ListRegs)
#define ARCH_INTERRUPTS 128    // virtual INTIDs that a guest can get

// What the assembly path may do to answer a hypercall without asking (contract).
#define ARCH_FAST_EFFECTS (REPLY_RESULT | REPLY_ADVANCE)

struct arch_vcpu {
    uint64_t hcr; // what the trap vector puts into HCR_EL2 for it
    uint64_t vttbr;
    uint64_t vmpidr;
    uint64_t mdcr;

    // By their names at EL1; the EL2 that looks at them adds 12 or 02 (VHE).
    uint64_t sctlr, cpacr, ttbr0, ttbr1, tcr, mair, amair, vbar, esr, far, afsr0, afsr1, elr, spsr;
    uint64_t contextidr, cntkctl;
    uint64_t sp_el1, tpidr_el1, tpidrro_el0, par, csselr, mdscr;
    uint64_t key[10]; // of pointer authentication: APIA, APIB, APDA, APDB, APGA
    uint64_t cntv_ctl, cntv_cval;

    // The CPU interface: list registers, active priorities, and the guest's view of its controls.
    uint64_t list[ARCH_LIST_REGISTERS];
    uint64_t ap0r, ap1r;
    uint64_t vmcr;
    uint64_t timer; // what a list register gets for the virtual timer's interrupt; 0: nothing
    // What finds no free list register, by INTID; 0: nothing. How many there are.
    uint64_t waiting[ARCH_INTERRUPTS];
    uint32_t waiting_count;
    uint64_t ended[ARCH_INTERRUPTS / 64]; // to be reported by a WINDOW exit
};
