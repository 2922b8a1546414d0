// System registers and the bits of them that the core uses (Arm ARM, DDI 0487, chapter D19; GICv3,
// IHI 0069, chapter 12).
#pragma once

#include <stdint.h>

#define SYSREG_NAME(name) #name
#define sysreg_read(name)                                                                          \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        asm volatile("mrs %0, " SYSREG_NAME(name) : "=r"(value_)::"memory");                       \
        value_;                                                                                    \
    })
#define sysreg_write(name, value)                                                                  \
    asm volatile("msr " SYSREG_NAME(name) ", %x0" ::"rZ"((uint64_t)(value)) : "memory")

// Of four bits from SHIFT on: identification registers are made of such.
#define sysreg_field(name, shift) (sysreg_read(name) >> (shift) & 15)

#define CURRENT_EL() (sysreg_read(CurrentEL) >> 2 & 3)

static inline void sysreg_sync(void) { asm volatile("isb" ::: "memory"); }

// What the guest's tables make of ADDRESS, as in PAR_EL1, which is the guest's and stays as it was.
#define sysreg_translate(operation, address)                                                       \
    ({                                                                                             \
        uint64_t kept_ = sysreg_read(par_el1), found_;                                             \
        asm volatile("at " #operation ", %0\n isb" ::"r"((uint64_t)(address)) : "memory");         \
        found_ = sysreg_read(par_el1);                                                             \
        sysreg_write(par_el1, kept_);                                                              \
        found_;                                                                                    \
    })
#define PAR_FAILED 1ull

// HCR_EL2. In the core and in servers: VHE, EL0 belongs to EL2.
#define HCR_TGE (1ull << 27)
#define HCR_RW (1ull << 31)
#define HCR_E2H (1ull << 34)
#define HCR_HOST (HCR_E2H | HCR_TGE | HCR_RW)
// A guest in AArch64: stage 2 on (VM); physical interrupts and errors come to the core (FMO, IMO,
// AMO), which gives it the virtual interface in place of the CPU's; WFI and SMC trap (TWI, TSC),
// and reads of identification registers (TID3), because a server says what the guest has. What a
// guest's EL1 can write is either switched (ARCH_VCPU_REGISTERS; with API and APK, which let it use
// pointer authentication, the keys), or traps and is nobody's: the implementation's own registers
// (TIDCP, TACR), limited ordering regions (TLOR), records of errors (TERR), and, as bits that are
// clear, memory tags (ATA) and SCXTNUM (EnSCXT). Beside these trap: debug, tracing and profiling
// (MDCR_EL2, vcpu.c), what CPTR_EL2 has below, the physical timer (CNTHCTL_EL2), and whatever came
// with Armv8.6 and later (HFGxTR_EL2, HCRX_EL2: boot.c).
#define HCR_GUEST                                                                                  \
    (HCR_E2H | HCR_RW | 1ull << 0 /* VM */ | 7ull << 3 /* FMO, IMO, AMO */ |                       \
     1ull << 13 /* TWI */ | 7ull << 18 /* TID3, TSC, TIDCP */ | 1ull << 21 /* TACR */ |            \
     3ull << 35 /* TLOR, TERR */ | 3ull << 40 /* APK, API */)

// CPTR_EL2 in VHE's layout. FPEN 1: EL0 traps while TGE is 1, so tasks do and guests don't. The
// scalable vectors (ZEN, SMEN 0), activity monitors (TAM) and trace registers (TTA) trap for
// everybody.
#define CPTR_TRAPS (1ull << 30 | 1ull << 28)
#define CPTR_FP_TASKS_TRAP (CPTR_TRAPS | 1ull << 20)
#define CPTR_FP_FREE (CPTR_TRAPS | 3ull << 20)

// ESR_EL2.
#define ESR_CLASS(esr) ((unsigned)((esr) >> 26 & 0x3f))
#define ESR_CLASS_OF(class) ((uint64_t)(class) << 26)
#define ESR_ISS(esr) ((esr) & 0x1ffffff)
#define ESR_IL (1ull << 25) // the instruction has 32 bits, not 16 as in T32
#define ESR_CLASS_UNKNOWN 0x00
#define ESR_CLASS_WFX 0x01
#define ESR_CLASS_FP 0x07
#define ESR_CLASS_ILLEGAL 0x0e
#define ESR_CLASS_SVC 0x15
#define ESR_CLASS_HVC 0x16
#define ESR_CLASS_SMC 0x17
#define ESR_CLASS_SYSREG 0x18
#define ESR_CLASS_SVE 0x19
#define ESR_CLASS_SME 0x1d
#define ESR_CLASS_A32_FIRST 0x03 // coprocessors of AArch32, and more of the kind …
#define ESR_CLASS_A32_LAST 0x0c  // … up to here
#define ESR_CLASS_FETCH 0x20
#define ESR_CLASS_DATA 0x24
#define ESR_CLASS_BREAKPOINT 0x3c
#define ESR_ISS_IS_WFE 3u
#define ESR_ISS_SYSREG_READ 1u
#define ESR_ISS_SYSREG_RT(iss) ((unsigned)((iss) >> 5 & 31))
// Of an identification register, ID_*_EL1: op0 3, op1 0, CRn 0; and its place among them.
#define ESR_ISS_IS_ID(iss) (((iss) >> 10 & 0xc7f) == 0xc00)
#define ESR_ISS_ID(iss) ((unsigned)((iss) >> 1 & 15) << 3 | (unsigned)((iss) >> 17 & 7))
#define ESR_ISS_VALID (1ull << 24) // of an abort: the access is described
#define ESR_ISS_CACHE (1ull << 8)  // it was a cache operation
#define ESR_ISS_WALK (1ull << 7)   // stage 2, on the way of a stage-1 walk
#define ESR_ISS_WRITE (1ull << 6)
#define ESR_ISS_FAULT(iss) ((unsigned)((iss) & 0x3f))
#define ESR_FAULT_KIND(fault) ((fault) >> 2) // without its level
#define ESR_FAULT_TRANSLATION 1u
#define ESR_FAULT_PERMISSION 3u

#define PSTATE_DAIF (15ull << 6)
#define PSTATE_EL1H 5ull
#define PSTATE_EL(pstate) ((uint32_t)(pstate) >> 2 & 3) // of a guest: 0 or 1
#define PSTATE_AARCH32_BIT 4
#define PSTATE_AARCH32 (1ull << PSTATE_AARCH32_BIT)
#define PSTATE_IT(it) (((it) & 0xfc) << 8 | ((it) & 3) << 25) // of T32; 0: in no IT block
#define PSTATE_PAN (1ull << 22)
#define SCTLR_SPAN (1ull << 23) // exceptions leave PSTATE.PAN as it is
#define PSTATE_SP_EL1 1ull

// Timers: CNTx_CTL.
#define CNT_ENABLE 1u
#define CNT_MASKED 2u

// List registers, ICH_LR<n>_EL2.
#define LIST_PENDING (1ull << 62)
#define LIST_ACTIVE (1ull << 63)
#define LIST_HARDWARE (1ull << 61)
#define LIST_GROUP1 (1ull << 60)
#define LIST_PRIORITY(priority) ((uint64_t)(priority) << 48)
#define LIST_PRIORITY_OF(list) ((list) >> 48 & 0xff)
#define LIST_PHYSICAL(intid) ((uint64_t)(intid) << 32)
#define LIST_SOURCE(cpu) ((uint64_t)(cpu) << 32) // of an SGI, in a GICv2
#define LIST_END (1ull << 41) // without HARDWARE: its end is a maintenance interrupt
#define LIST_INTID(list) ((uint32_t)(list))

#define ICH_HCR_ENABLE 1u
#define ICH_HCR_UNDERFLOW 2u
#define ICH_VMCR_RESET 0x4c0000ull // nothing enabled, the binary points at their least
