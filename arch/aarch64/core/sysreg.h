// System registers and the bits of them that the core uses (Arm ARM, DDI 0487, chapter D19; GICv3,
// IHI 0069, chapter 12).
#pragma once

#include <stdint.h>

#define sysreg_read(name)                                                                          \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        asm volatile("mrs %0, " #name : "=r"(value_)::"memory");                                   \
        value_;                                                                                    \
    })
#define sysreg_write(name, value)                                                                  \
    asm volatile("msr " #name ", %x0" ::"rZ"((uint64_t)(value)) : "memory")

#define CURRENT_EL() (sysreg_read(CurrentEL) >> 2 & 3)

static inline void sysreg_sync(void) { asm volatile("isb" ::: "memory"); }

// HCR_EL2. In the core and in servers: VHE, EL0 belongs to EL2.
#define HCR_VM (1ull << 0)
#define HCR_FMO (1ull << 3)
#define HCR_IMO (1ull << 4)
#define HCR_AMO (1ull << 5)
#define HCR_TWI (1ull << 13)
#define HCR_TID3 (1ull << 18)
#define HCR_TSC (1ull << 19)
#define HCR_TIDCP (1ull << 20)
#define HCR_TACR (1ull << 21)
#define HCR_TGE (1ull << 27)
#define HCR_RW (1ull << 31)
#define HCR_E2H (1ull << 34)
#define HCR_APK (1ull << 40)
#define HCR_API (1ull << 41)

#define HCR_HOST (HCR_E2H | HCR_TGE | HCR_RW)
// A guest in AArch64: stage 2 on; physical interrupts and errors come to the core (FMO, IMO, AMO),
// which gives it the virtual interface in place of the CPU's; SMC, WFI and the implementation's own
// registers (TACR, TIDCP) trap. Pointer authentication, where there is any, is its own: API, APK do
// not trap.
#define HCR_GUEST                                                                                  \
    (HCR_E2H | HCR_RW | HCR_VM | HCR_FMO | HCR_IMO | HCR_AMO | HCR_TWI | HCR_TSC | HCR_TIDCP |     \
     HCR_TACR | HCR_API | HCR_APK)

// CPTR_EL2 in VHE's layout. FPEN 1: EL0 traps while TGE is 1, so tasks do and guests don't. The
// scalable vectors trap for everybody (ZEN, SMEN 0).
#define CPTR_FP_TASKS_TRAP (1ull << 20)
#define CPTR_FP_FREE (3ull << 20)

// ESR_EL2.
#define ESR_CLASS(esr) ((unsigned)((esr) >> 26 & 0x3f))
#define ESR_CLASS_OF(class) ((uint64_t)(class) << 26)
#define ESR_ISS(esr) ((esr) & 0x1ffffff)
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
#define ESR_CLASS_A32_FIRST 0x03   // coprocessors of AArch32, and more of the kind …
#define ESR_CLASS_A32_LAST 0x0c    // … up to here
#define ESR_UNDEFINED (1ull << 25) // an instruction of 32 bits that is not there
#define ESR_CLASS_FETCH 0x20
#define ESR_CLASS_DATA 0x24
#define ESR_CLASS_BREAKPOINT 0x3c
#define ESR_ISS_IS_WFE 3u
#define ESR_ISS_SYSREG_READ 1u
#define ESR_ISS_SYSREG_RT(iss) ((unsigned)((iss) >> 5 & 31))
#define ESR_ISS_VALID (1ull << 24) // of an abort: the access is described
#define ESR_ISS_CACHE (1ull << 8)  // it was a cache operation
#define ESR_ISS_WALK (1ull << 7)   // stage 2, on the way of a stage-1 walk
#define ESR_ISS_WRITE (1ull << 6)
#define ESR_ISS_FAULT(iss) ((unsigned)((iss) & 0x3f))
#define ESR_FAULT_KIND(fault) ((fault) >> 2) // without its level
#define ESR_FAULT_TRANSLATION 1u
#define ESR_FAULT_ACCESS 2u
#define ESR_FAULT_PERMISSION 3u

#define PSTATE_DAIF (15ull << 6)
#define PSTATE_EL1H 5ull
#define PSTATE_EL(pstate) ((pstate) >> 2 & 3)
#define PSTATE_AARCH32 (1ull << 4)
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
#define LIST_END (1ull << 41) // without HARDWARE: its end is a maintenance interrupt
#define LIST_INTID(list) ((uint32_t)(list))

#define ICH_HCR_ENABLE 1u
#define ICH_HCR_UNDERFLOW 2u
#define ICH_VMCR_RESET 0x4c0000ull // nothing enabled, the binary points at their least
