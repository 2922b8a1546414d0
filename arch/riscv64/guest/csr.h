// CSR access and the bits that guests use (RISC-V Privileged Architecture 1.12, chapter 4).
#pragma once

#include <stdint.h>

#define csr_read(name)                                                                             \
    ({                                                                                             \
        uint64_t _value;                                                                           \
        __asm__ volatile("csrr %0, " #name : "=r"(_value)::"memory");                              \
        _value;                                                                                    \
    })
#define csr_write(name, value)                                                                     \
    __asm__ volatile("csrw " #name ", %0" ::"rK"((uint64_t)(value)) : "memory")
#define csr_set(name, bits)                                                                        \
    __asm__ volatile("csrs " #name ", %0" ::"rK"((uint64_t)(bits)) : "memory")
#define csr_clear(name, bits)                                                                      \
    __asm__ volatile("csrc " #name ", %0" ::"rK"((uint64_t)(bits)) : "memory")

#define SSTATUS_SIE (UINT64_C(1) << 1)
#define SSTATUS_SPIE (UINT64_C(1) << 5)
#define SSTATUS_SPP (UINT64_C(1) << 8)
#define SSTATUS_FS (UINT64_C(3) << 13) // the field, and its value "dirty"
#define SSTATUS_FS_CLEAN (UINT64_C(2) << 13)
#define SSTATUS_UXL (UINT64_C(3) << 32)

// sie and sip.
#define SIE_SSIE (UINT64_C(1) << 1)
#define SIE_STIE (UINT64_C(1) << 5)

// scounteren.
#define SCOUNTEREN_TM (UINT64_C(1) << 1)

#define SCAUSE_INTERRUPT (UINT64_C(1) << 63)
#define SCAUSE_SOFTWARE (SCAUSE_INTERRUPT | 1)
#define SCAUSE_TIMER (SCAUSE_INTERRUPT | 5)
#define SCAUSE_FETCH_ACCESS UINT64_C(1)
#define SCAUSE_ILLEGAL UINT64_C(2)
#define SCAUSE_BREAKPOINT UINT64_C(3)
#define SCAUSE_LOAD_MISALIGNED UINT64_C(4)
#define SCAUSE_LOAD_ACCESS UINT64_C(5)
#define SCAUSE_STORE_MISALIGNED UINT64_C(6)
#define SCAUSE_STORE_ACCESS UINT64_C(7)
#define SCAUSE_USER_ECALL UINT64_C(8)
#define SCAUSE_FETCH_PAGE_FAULT UINT64_C(12)
#define SCAUSE_LOAD_PAGE_FAULT UINT64_C(13)
#define SCAUSE_STORE_PAGE_FAULT UINT64_C(15)

#define SATP_SV39 (UINT64_C(8) << 60)

// stimecmp by its number: the name needs an assembler that is told of Sstc.
#define CSR_STIMECMP 0x14d
