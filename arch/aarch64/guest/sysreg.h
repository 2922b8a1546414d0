// System registers and the bits that guests use (Arm Architecture Reference Manual for A-profile,
// DDI 0487, chapters D23 and, for the interrupt controller's, Arm GIC Architecture Specification,
// IHI 0069, chapter 12).
#pragma once

#include <stdint.h>

#define sysreg_read(name)                                                                          \
    ({                                                                                             \
        uint64_t _value;                                                                           \
        __asm__ volatile("mrs %0, " #name : "=r"(_value)::"memory");                               \
        _value;                                                                                    \
    })
#define sysreg_write(name, value)                                                                  \
    __asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(value)) : "memory")

// What was written to a system register counts from here on.
#define sysreg_sync() __asm__ volatile("isb" ::: "memory")

// SCTLR_EL1. The bits that are called RES1 are those of a CPU without what they switch.
#define SCTLR_M (UINT64_C(1) << 0)     // stage 1 translation
#define SCTLR_C (UINT64_C(1) << 2)     // data caches
#define SCTLR_SA (UINT64_C(1) << 3)    // the stack pointer is aligned, in the kernel
#define SCTLR_SA0 (UINT64_C(1) << 4)   // and in user mode
#define SCTLR_I (UINT64_C(1) << 12)    // instruction caches
#define SCTLR_DZE (UINT64_C(1) << 14)  // user mode may use DC ZVA, as musl's memset() does
#define SCTLR_UCT (UINT64_C(1) << 15)  // and read CTR_EL0
#define SCTLR_NTWE (UINT64_C(1) << 18) // and WFE, but not WFI (bit 16): the kernel waits
#define SCTLR_WXN (UINT64_C(1) << 19)  // what can be written is never executed
#define SCTLR_SPAN (UINT64_C(1) << 23) // a trap does not set PSTATE.PAN
#define SCTLR_UCI (UINT64_C(1) << 26)  // user mode may clean caches
#define SCTLR_RES1                                                                                 \
    (UINT64_C(1) << 11 | UINT64_C(1) << 20 | UINT64_C(1) << 22 | UINT64_C(1) << 23 |               \
     UINT64_C(1) << 28 | UINT64_C(1) << 29)

#define TCR_T0SZ(bits) ((UINT64_C(64) - (bits)) << 0)
#define TCR_T1SZ(bits) ((UINT64_C(64) - (bits)) << 16)
#define TCR_TG1_4K (UINT64_C(2) << 30)               // TG0's value for it is 0
#define TCR_CACHED (UINT64_C(0x3500) << 16 | 0x3500) // walks: write-back, inner shareable
#define TCR_IPS_SHIFT 32
#define TCR_IPS_48_BITS 5

#define ID_AA64MMFR0_PARANGE 0xf
#define ID_AA64MMFR1_PAN(id) ((id) >> 20 & 0xf)

#define CPACR_FPEN (UINT64_C(3) << 20) // floating point and SIMD trap nowhere

// SPSR_EL1 and, where the bits have the same places, DAIF.
#define SPSR_MODE 0xf
#define SPSR_EL0 0
#define SPSR_EL1H 5
#define SPSR_ALL_MASKED (UINT64_C(0xf) << 6)

#define ESR_CLASS(esr) ((esr) >> 26 & 0x3f)
#define ESR_UNKNOWN 0x00
#define ESR_WAIT 0x01
#define ESR_SIMD_TRAPPED 0x07
#define ESR_BRANCH_TARGET 0x0d
#define ESR_ILLEGAL_STATE 0x0e
#define ESR_SVC 0x15
#define ESR_SYSREG 0x18
#define ESR_SVE_TRAPPED 0x19
#define ESR_FETCH_LOWER 0x20
#define ESR_FETCH_SAME 0x21
#define ESR_PC_ALIGNMENT 0x22
#define ESR_DATA_LOWER 0x24
#define ESR_DATA_SAME 0x25
#define ESR_SP_ALIGNMENT 0x26
#define ESR_BRK 0x3c

// Of aborts.
#define ESR_WRITE (UINT64_C(1) << 6)
#define ESR_CACHE_MAINTENANCE (UINT64_C(1) << 8)
#define ESR_FAULT(esr) ((esr) & 0x3f)
#define FAULT_PERMISSION_LAST 0x0f // from there down: address size, translation, access flag
#define FAULT_EXTERNAL 0x10        // nobody answers at the address, or
#define FAULT_EXTERNAL_WALK 0x14   // at a table's, of any level
#define FAULT_EXTERNAL_WALK_LAST 0x17
#define FAULT_ALIGNMENT 0x21

// The virtual timer.
#define CNTV_CTL_ENABLE 1
#define CNTV_CTL_MASKED 2

#define CTR_DATA_LINE(ctr) (UINT64_C(4) << ((ctr) >> 16 & 0xf)) // bytes
#define MPIDR_AFFINITY 0xffffff // without the highest of its four parts

#define CURRENT_EL2 8
#define HCR_RW (UINT64_C(1) << 31) // EL1 is AArch64
#define CNTHCTL_EL1_MAY UINT64_C(3)
#define CPTR_EL2_RES1 UINT64_C(0x33ff)
#define ICC_SRE_EL2_ENABLE 9 // the system registers are used, here and at EL1
