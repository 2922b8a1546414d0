// Control and status registers: access by name, and the bits that the core uses (privileged
// architecture 1.12; H extension 1.0, chapter 8; Sstc 1.0).
#pragma once

#define csr_read(name)                                                                             \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        asm volatile("csrr %0, " #name : "=r"(value_)::"memory");                                  \
        value_;                                                                                    \
    })
#define csr_write(name, value)                                                                     \
    asm volatile("csrw " #name ", %0" ::"rK"((uint64_t)(value)) : "memory")
#define csr_set(name, bits) asm volatile("csrs " #name ", %0" ::"rK"((uint64_t)(bits)) : "memory")
#define csr_clear(name, bits) asm volatile("csrc " #name ", %0" ::"rK"((uint64_t)(bits)) : "memory")

#define SSTATUS_SIE 0x2
#define SSTATUS_SPIE 0x20
#define SSTATUS_SPP 0x100
#define SSTATUS_FS 0x6000
#define SSTATUS_SPP_FS (SSTATUS_SPP | SSTATUS_FS)
#define SSTATUS_UXL_64 (2ull << 32)

#define HSTATUS_SPV 0x80
#define HSTATUS_SPVP 0x100
#define HSTATUS_HU 0x200
#define HSTATUS_VTW 0x200000
#define HSTATUS_VSXL_64 (2ull << 32)

#define INTERRUPT_BIT (1ull << 63)
#define IRQ_S_TIMER 5
#define IRQ_S_EXTERNAL 9

#define CAUSE_ILLEGAL 2
#define CAUSE_BREAKPOINT 3
#define CAUSE_USER_CALL 8
#define CAUSE_GUEST_CALL 10
#define CAUSE_FETCH_GUEST 20
#define CAUSE_LOAD_GUEST 21
#define CAUSE_VIRTUAL 22
#define CAUSE_STORE_GUEST 23

#define HVIP_SOFTWARE (1ull << 2)
#define HVIP_TIMER (1ull << 6)
#define HVIP_EXTERNAL (1ull << 10)

#define HEDELEG_ALL 0xb1ff // all that a guest can handle itself: §8.2.2's writable bits
#define HCOUNTEREN_TM 2
#define HCOUNTEREN_CY_IR 5
#define SCOUNTEREN_ALL 7
#define HENVCFG_STCE (1ull << 63)
#define SATP_SV39 (8ull << 60)
#define HGATP_SV39X4 (8ull << 60)
