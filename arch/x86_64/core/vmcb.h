// The virtual machine control block (APM volume 2, appendix B), as far as the core touches it, and
// the codes of exits (appendix C).
#pragma once

#include "kernel/object/vcpu.h"

struct vmcb_segment {
    uint16_t selector;
    uint16_t attributes;
    uint32_t limit;
    uint64_t base;
};

struct vmcb {
    uint32_t intercept_cr, intercept_dr, intercept_exceptions, intercept[2];
    uint8_t reserved0[0x40 - 0x14];
    uint64_t io_permissions, msr_permissions, tsc_offset;
    uint32_t asid, tlb_control;
    uint8_t priority;                           // V_TPR: what CR8 reads as, without an exit
    uint32_t interrupt __attribute__((packed)); // V_IRQ and what belongs to it
    uint8_t reserved2[3];
    uint64_t shadow; // bit 0: interrupts wait for one instruction more
    uint64_t exit_code, exit_info1, exit_info2, exit_event, nested;
    uint8_t reserved1[0xa8 - 0x98];
    uint64_t event, nested_cr3, last_branch;
    uint32_t clean;
    uint8_t reserved3[0x400 - 0xc4];
    // The state save area.
    struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved4[0x4cb - 0x4a0];
    uint8_t cpl;
    uint32_t reserved5;
    uint64_t efer;
    uint8_t reserved6[0x548 - 0x4d8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved7[0x5d8 - 0x580];
    uint64_t rsp;
    uint8_t reserved8[0x5f8 - 0x5e0];
    uint64_t rax, star, lstar, cstar, sfmask, kernel_gs_base, sysenter[3], cr2;
    uint8_t reserved9[0x668 - 0x648];
    uint64_t pat;
    uint8_t reserved10[0x1000 - 0x670];
};

static_assert(sizeof(struct vmcb) == PAGE_SIZE, "the VMCB is a page");
static_assert(offsetof(struct vmcb, asid) == 0x58 && offsetof(struct vmcb, exit_code) == 0x70 &&
                  offsetof(struct vmcb, interrupt) == 0x61 &&
                  offsetof(struct vmcb, shadow) == 0x68 && offsetof(struct vmcb, event) == 0xa8 &&
                  offsetof(struct vmcb, clean) == 0xc0 && offsetof(struct vmcb, es) == 0x400 &&
                  offsetof(struct vmcb, cpl) == 0x4cb && offsetof(struct vmcb, efer) == 0x4d0 &&
                  offsetof(struct vmcb, rip) == 0x578 && offsetof(struct vmcb, cr2) == 0x640 &&
                  offsetof(struct vmcb, pat) == 0x668,
              "the layout is the hardware's");

// The VMCB of VCPU: the page behind it.
static inline struct vmcb *vmcb_of(const struct vcpu *vcpu) {
    return (struct vmcb *)((uint64_t)vcpu + PAGE_SIZE);
}

// intercept_cr: CR4 and CR8 written.
#define VMCB_INTERCEPTS_CR 0x01100000u
// #DB and #AC: their delivery may raise them anew, for ever, and no interrupt ends that
// (CVE-2015-8104, CVE-2015-5307).
#define VMCB_INTERCEPTS_EXCEPTIONS (1u << VECTOR_DEBUG | 1u << VECTOR_ALIGNMENT)
// intercept[0]: INTR, NMI, INIT; RDPMC, CPUID, RSM, INVD, HLT, INVLPGA; ports and MSRs by their
// maps; task switches, FERR, shutdown.
#define VMCB_INTERCEPTS                                                                            \
    (1u << 0 | 1u << 1 | 1u << 3 | 1u << 15 | 1u << 18 | 1u << 19 | 1u << 22 | 1u << 24 |          \
     1u << 26 | 1u << 27 | 1u << 28 | 1u << 29 | 1u << 30 | 1u << 31)
#define VMCB_INTERCEPT_WINDOW (1u << 4)
#define VMCB_INTERCEPT_IRET (1u << 20)
// intercept[1]: VMRUN, VMMCALL, VMLOAD, VMSAVE, STGI, CLGI, SKINIT, RDTSCP (the register
// that it reads is in no VMCB); WBINVD, MONITOR, MWAIT, its conditional form, XSETBV.
#define VMCB_INTERCEPTS_MORE 0x3effu

// interrupt.
#define VMCB_IRQ (1u << 0)
#define VMCB_IRQ_PRIORITY(vector) ((vector) >> 4 << 8)
#define VMCB_IRQ_IGNORE_TPR (1u << 12)
#define VMCB_IRQ_MASKING (1u << 16)
#define VMCB_IRQ_VECTOR_SHIFT 24

// event, exit_event (15.20).
#define VMCB_EVENT_VALID (1ull << 31)
#define VMCB_EVENT_ERROR (1ull << 11)
#define VMCB_EVENT_NMI (2ull << 8 | 2)
#define VMCB_EVENT_EXCEPTION (3ull << 8)
#define VMCB_EVENT_TYPE (7ull << 8)
#define VMCB_EVENT_SOFT (4ull << 8)

// clean (15.15): what has not changed since this VMCB ran last.
#define VMCB_CLEAN_ALL 0xfffu
#define VMCB_CLEAN_INTERCEPTS (1u << 0)
#define VMCB_CLEAN_ASID (1u << 2)
#define VMCB_CLEAN_INTERRUPT (1u << 3)
#define VMCB_CLEAN_CR (1u << 5)
#define VMCB_CLEAN_DR (1u << 6)
#define VMCB_CLEAN_CR2 (1u << 9)

#define VMCB_SEGMENT_LONG (1u << 9) // 64-bit code

#define VMCB_EXIT_BITS 16 // of exit_code; behind them, the core's: see fetch_prefixes
#define VMCB_EXIT_STEP 23 // from RFLAGS_TRAP to bit 31
#define VMCB_EXIT_PREFIXES(code) ((code) >> VMCB_EXIT_BITS & 15)
enum vmcb_exit {
    VMCB_EXIT_DEBUG = 0x20,
    VMCB_EXIT_DEBUG_LAST = 0x3f,
    VMCB_EXIT_EXCEPTION = 0x40, // and the vector
    VMCB_EXIT_INTR = 0x60,
    VMCB_EXIT_NMI = 0x61,
    VMCB_EXIT_WINDOW = 0x64,
    VMCB_EXIT_CPUID = 0x72,
    VMCB_EXIT_IRET = 0x74,
    VMCB_EXIT_HLT = 0x78,
    VMCB_EXIT_IO = 0x7b,
    VMCB_EXIT_MSR = 0x7c,
    VMCB_EXIT_SHUTDOWN = 0x7f,
    VMCB_EXIT_VMMCALL = 0x81,
    VMCB_EXIT_NESTED_FAULT = 0x400,
};

// exit_info1 of a nested page fault (15.25.6).
#define VMCB_FAULT_WRITE (1ull << 1)
#define VMCB_FAULT_FETCH (1ull << 4)
#define VMCB_FAULT_WALK (1ull << 33)
