// Ports, model-specific registers, control registers and CPUID, as far as guests use them (AMD64
// Architecture Programmer's Manual, volume 2, chapters 3 and 16 and appendix A; volume 3, appendix
// E).
#pragma once

#include <stdbool.h>
#include <stdint.h>

static inline void x86_out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void x86_out16(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline uint8_t x86_in8(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t x86_in32(uint16_t port) {
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint64_t x86_read_msr(uint32_t msr) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void x86_write_msr(uint32_t msr, uint64_t value) {
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

// Nothing before it is done later.
static inline uint64_t x86_time_stamp(void) {
    uint32_t low, high;
    __asm__ volatile("lfence\n"
                     "rdtsc"
                     : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

struct x86_cpuid {
    uint32_t a, b, c, d;
};

static inline struct x86_cpuid x86_cpuid(uint32_t leaf) {
    struct x86_cpuid found;
    __asm__ volatile("cpuid"
                     : "=a"(found.a), "=b"(found.b), "=c"(found.c), "=d"(found.d)
                     : "a"(leaf), "c"(0));
    return found;
}

#define x86_read_cr(number)                                                                        \
    ({                                                                                             \
        uint64_t _value;                                                                           \
        __asm__ volatile("mov %%cr" #number ", %0" : "=r"(_value)::"memory");                      \
        _value;                                                                                    \
    })
#define x86_write_cr(number, value)                                                                \
    __asm__ volatile("mov %0, %%cr" #number ::"r"((uint64_t)(value)) : "memory")

#define CPUID_FEATURES 1
#define CPUID_FEATURES_C_X2APIC (1u << 21)
#define CPUID_FEATURES_C_TSC_DEADLINE (1u << 24)
#define CPUID_FEATURES_C_HYPERVISOR (1u << 31)
#define CPUID_FEATURES_B_APIC_ID_SHIFT 24
#define CPUID_FEATURES_B_CPUS_SHIFT 16
#define CPUID_FEATURES_D_SEVERAL (1u << 28)
#define CPUID_EXTENDED 7
#define CPUID_EXTENDED_B_SMEP (1u << 7)
#define CPUID_EXTENDED_B_SMAP (1u << 20)
#define CPUID_HYPERVISOR 0x40000000

#define CR0_PROTECTION (1u << 0)
#define CR0_MONITOR (1u << 1)
#define CR0_NUMERIC_ERROR (1u << 5)
#define CR0_WRITE_PROTECT (1u << 16)
#define CR0_PAGING (1u << 31)
#define CR4_PAE (1u << 5)
#define CR4_FXSAVE (1u << 9)
#define CR4_SIMD_EXCEPTIONS (1u << 10)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)

#define MSR_APIC_BASE 0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC 0x800
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_SFMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100

#define EFER_SYSCALL (1u << 0)
#define EFER_LONG_MODE (1u << 8)
#define EFER_NO_EXECUTE (1u << 11)

#define FLAGS_FIXED (1u << 1)
#define FLAGS_TRAP (1u << 8)
#define FLAGS_INTERRUPTS (1u << 9)
#define FLAGS_DIRECTION (1u << 10)
#define FLAGS_IO_LEVEL (3u << 12)
#define FLAGS_NESTED (1u << 14)
#define FLAGS_RESUME (1u << 16)
#define FLAGS_ALIGNMENT (1u << 18)
