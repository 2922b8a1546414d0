// The calls of the SBI specification 2.0, as a guest makes them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SBI_SUCCESS 0
#define SBI_ERR_FAILED (-1)
#define SBI_ERR_NOT_SUPPORTED (-2)
#define SBI_ERR_INVALID_PARAM (-3)
#define SBI_ERR_DENIED (-4)
#define SBI_ERR_INVALID_ADDRESS (-5)
#define SBI_ERR_ALREADY_AVAILABLE (-6)
#define SBI_ERR_ALREADY_STARTED (-7)
#define SBI_ERR_ALREADY_STOPPED (-8)

// Chapter 5: legacy extensions.
#define SBI_LEGACY_SET_TIMER 0
#define SBI_LEGACY_PUTCHAR 1
#define SBI_LEGACY_GETCHAR 2
#define SBI_LEGACY_CLEAR_IPI 3
#define SBI_LEGACY_SEND_IPI 4
#define SBI_LEGACY_FENCE_I 5
#define SBI_LEGACY_SFENCE 6
#define SBI_LEGACY_SFENCE_ASID 7
#define SBI_LEGACY_SHUTDOWN 8

// Chapter 4: the base extension.
#define SBI_BASE 0x10
#define SBI_BASE_SPEC_VERSION 0
#define SBI_BASE_IMPL_ID 1
#define SBI_BASE_IMPL_VERSION 2
#define SBI_BASE_PROBE 3
#define SBI_BASE_MVENDORID 4
#define SBI_BASE_MARCHID 5
#define SBI_BASE_MIMPID 6

// Chapter 6: timer.
#define SBI_TIME 0x54494d45
#define SBI_TIME_SET_TIMER 0

// Chapter 7: interprocessor interrupts.
#define SBI_IPI 0x735049
#define SBI_IPI_SEND 0

// Chapter 8: remote fences.
#define SBI_RFENCE 0x52464e43
#define SBI_RFENCE_FENCE_I 0
#define SBI_RFENCE_SFENCE 1
#define SBI_RFENCE_SFENCE_ASID 2
#define SBI_RFENCE_LAST 6

// Chapter 9: hart state management.
#define SBI_HSM 0x48534d
#define SBI_HSM_START 0
#define SBI_HSM_STOP 1
#define SBI_HSM_STATUS 2
#define SBI_HSM_SUSPEND 3

#define SBI_HSM_STARTED 0
#define SBI_HSM_STOPPED 1
#define SBI_HSM_START_PENDING 2
#define SBI_HSM_STOP_PENDING 3

// Chapter 10: system reset.
#define SBI_SRST 0x53525354
#define SBI_SRST_RESET 0
#define SBI_SRST_TYPE_SHUTDOWN 0
#define SBI_SRST_REASON_NONE 0
#define SBI_SRST_REASON_FAILURE 1

// Chapter 12: debug console.
#define SBI_DBCN 0x4442434e
#define SBI_DBCN_WRITE 0
#define SBI_DBCN_READ 1
#define SBI_DBCN_WRITE_BYTE 2

// Extensions that a hypervisor need not have, chapters 11, 13 to 16.
#define SBI_PMU 0x504d55
#define SBI_SUSP 0x53555350
#define SBI_CPPC 0x43505043
#define SBI_NACL 0x4e41434c
#define SBI_STA 0x535441

struct sbi_result {
    int64_t error;
    int64_t value;
};

struct sbi_result sbi_call(uint64_t extension, uint64_t function, const uint64_t argument[6]);

// The usual few arguments without an array of six.
#define SBI_CALL(extension, function, ...)                                                         \
    sbi_call((extension), (function), (const uint64_t[6]){__VA_ARGS__})

bool sbi_has(uint64_t extension);
_Noreturn void sbi_shutdown(bool failed);

// Writes through DBCN where there is one, else through the legacy call. `at` is the text's physical
// address, `text` the address it can be read at.
void sbi_write(uint64_t at, const char *text, uint64_t size);

// Reads what was typed, at most `size` bytes, in the same two ways. Returns how much there was.
uint64_t sbi_read(uint64_t at, char *to, uint64_t size);
