// Numbers of the RISC-V Supervisor Binary Interface Specification, version 2.0.
#pragma once

// Chapter 3: what a call returns in a0.
enum sbi_error {
    SBI_SUCCESS = 0,
    SBI_ERR_FAILED = -1,
    SBI_ERR_NOT_SUPPORTED = -2,
    SBI_ERR_INVALID_PARAM = -3,
    SBI_ERR_DENIED = -4,
    SBI_ERR_INVALID_ADDRESS = -5,
    SBI_ERR_ALREADY_AVAILABLE = -6,
};

// Extension numbers: a7.
#define SBI_LEGACY_SET_TIMER 0x00
#define SBI_LEGACY_PUTCHAR 0x01
#define SBI_LEGACY_GETCHAR 0x02
#define SBI_LEGACY_CLEAR_IPI 0x03
#define SBI_LEGACY_SEND_IPI 0x04
#define SBI_LEGACY_FENCE_I 0x05
#define SBI_LEGACY_SFENCE 0x06
#define SBI_LEGACY_SFENCE_ASID 0x07
#define SBI_LEGACY_SHUTDOWN 0x08
#define SBI_BASE 0x10
#define SBI_TIME 0x54494d45
#define SBI_IPI 0x735049
#define SBI_RFENCE 0x52464e43
#define SBI_HSM 0x48534d
#define SBI_SRST 0x53525354
#define SBI_DBCN 0x4442434e

// Function numbers: a6. Chapters 4, 6 to 10 and 12.
enum sbi_base_function {
    SBI_BASE_SPEC_VERSION,
    SBI_BASE_IMPL_ID,
    SBI_BASE_IMPL_VERSION,
    SBI_BASE_PROBE,
    SBI_BASE_MVENDORID,
    SBI_BASE_MARCHID,
    SBI_BASE_MIMPID,
    SBI_BASE_COUNT,
};

enum sbi_time_function { SBI_TIME_SET_TIMER };

enum sbi_ipi_function { SBI_IPI_SEND, SBI_IPI_COUNT };

enum sbi_rfence_function {
    SBI_RFENCE_FENCE_I,
    SBI_RFENCE_SFENCE,
    SBI_RFENCE_SFENCE_ASID,
    SBI_RFENCE_COUNT, // the rest is for guests with the hypervisor extension
};

enum sbi_hsm_function {
    SBI_HSM_START,
    SBI_HSM_STOP,
    SBI_HSM_STATUS,
    SBI_HSM_SUSPEND,
    SBI_HSM_COUNT,
};

enum sbi_srst_function { SBI_SRST_RESET, SBI_SRST_COUNT };

enum sbi_dbcn_function { SBI_DBCN_WRITE, SBI_DBCN_READ, SBI_DBCN_WRITE_BYTE, SBI_DBCN_COUNT };

// Version 2.0 as get_spec_version says it: the major number above 24 bits of the minor one.
#define SBI_SPEC_VERSION 0x02000000

// A hart mask's base that means all harts (chapter 3).
#define SBI_ALL_HARTS UINT64_MAX

// Chapter 9.
enum sbi_hart { SBI_HART_STARTED = 0, SBI_HART_STOPPED = 1 };

#define SBI_SUSPEND_RETENTIVE 0x00000000u
#define SBI_SUSPEND_NON_RETENTIVE 0x80000000u

// Chapter 10.
enum sbi_reset { SBI_RESET_SHUTDOWN, SBI_RESET_COLD, SBI_RESET_WARM, SBI_RESET_COUNT };
enum sbi_reset_reason { SBI_REASON_NONE, SBI_REASON_FAILURE, SBI_REASON_COUNT };
