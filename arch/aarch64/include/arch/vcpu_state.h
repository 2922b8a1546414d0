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

// The registers of EL1 that a guest can write: by their names without _EL1 where VHE has another
// name for the guest's, else by those names. What is not here traps (sysreg.h).
// clang-format off
#define ARCH_VCPU_REGISTERS(EL12, AS_IS)                                                           \
    EL12(sctlr) EL12(cpacr) EL12(ttbr0) EL12(ttbr1) EL12(tcr) EL12(mair) EL12(amair) EL12(vbar)    \
    EL12(esr) EL12(far) EL12(afsr0) EL12(afsr1) EL12(elr) EL12(spsr) EL12(contextidr)              \
    EL12(cntkctl) AS_IS(sp_el1) AS_IS(tpidr_el1) AS_IS(tpidrro_el0) AS_IS(par_el1)                 \
    AS_IS(csselr_el1) AS_IS(cntv_cval_el02)

// Those that only CPUs with an extension have: the keys of pointer authentication, TPIDR2_EL0, and
// what DISR_EL1 is for a guest.
#define ARCH_VCPU_EXTENSIONS(X)                                                                    \
    X(ADDRESS_KEYS, apia_low, apiakeylo_el1) X(ADDRESS_KEYS, apia_high, apiakeyhi_el1)             \
    X(ADDRESS_KEYS, apib_low, apibkeylo_el1) X(ADDRESS_KEYS, apib_high, apibkeyhi_el1)             \
    X(ADDRESS_KEYS, apda_low, apdakeylo_el1) X(ADDRESS_KEYS, apda_high, apdakeyhi_el1)             \
    X(ADDRESS_KEYS, apdb_low, apdbkeylo_el1) X(ADDRESS_KEYS, apdb_high, apdbkeyhi_el1)             \
    X(GENERIC_KEY, apga_low, apgakeylo_el1) X(GENERIC_KEY, apga_high, apgakeyhi_el1)               \
    X(SME, tpidr2, s3_3_c13_c0_5) X(RAS, vdisr, vdisr_el2)
// clang-format on
enum { ARCH_HAS_ADDRESS_KEYS = 1, ARCH_HAS_GENERIC_KEY = 2, ARCH_HAS_SME = 4, ARCH_HAS_RAS = 8 };

#define ARCH_VCPU_FIELD(name) uint64_t name;
#define ARCH_VCPU_EXTENSION_FIELD(which, name, sysreg) uint64_t name;

struct arch_vcpu {
    uint64_t hcr; // what the trap vector puts into HCR_EL2 for it
    ARCH_VCPU_REGISTERS(ARCH_VCPU_FIELD, ARCH_VCPU_FIELD)
    ARCH_VCPU_EXTENSIONS(ARCH_VCPU_EXTENSION_FIELD)
    uint64_t cntv_ctl;
    uint64_t a32_exit; // where AArch32 has left it, until it is entered; 1: nowhere

    // The CPU interface: active priorities, and the guest's view of its controls.
    uint64_t ap0r, ap1r;
    uint64_t vmcr;
    struct arch_interrupts interrupts;
};
