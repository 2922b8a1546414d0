// Registers and instructions of the CPU that C has no words for, and their bits (APM volume 2).
#pragma once

#include <stdint.h>

#define CR0_MONITOR (1ull << 1)
#define CR0_TASK_SWITCHED (1ull << 3)
#define CR0_PAGING (1ull << 31)

#define CR4_PAE (1ull << 5)
#define CR4_GLOBAL (1ull << 7)
#define CR4_FXSR (1ull << 9)
#define CR4_XMMEXCEPT (1ull << 10)
#define CR4_FSGSBASE (1ull << 16)
#define CR4_SMEP (1ull << 20)
#define CR4_SMAP (1ull << 21)
// What guests may set, of what the CPU has: TSD, DE, PSE, PAE, PGE, PCE, and those above. XCR0, the
// protection keys' register and others that such bits bring are in no VMCB: one guest's would be
// the next one's.
#define CR4_GUEST (0x1bcull | CR4_FXSR | CR4_XMMEXCEPT | CR4_FSGSBASE | CR4_SMEP | CR4_SMAP)

#define EFER_SYSCALL (1ull << 0)
#define EFER_LONG_MODE (1ull << 8)
#define EFER_LONG_MODE_ACTIVE (1ull << 10)
#define EFER_NO_EXECUTE (1ull << 11)
#define EFER_SVM (1ull << 12)

#define VECTOR_DEBUG 1u
#define VECTOR_PAGE 14u
#define VECTOR_ALIGNMENT 17u

#define RFLAGS_ONE (1ull << 1)
#define RFLAGS_ARITHMETIC 0x8d5ull // CF, PF, AF, ZF, SF, OF (APM volume 1, 3.1.4)
#define RFLAGS_TRAP (1ull << 8)
#define RFLAGS_INTERRUPTS (1ull << 9)
// What SYSCALL clears: traps, interrupts, direction, I/O privilege, nested task, alignment checks.
#define RFLAGS_SYSCALL_MASK 0x47700ull

#define MSR_APIC_BASE 0x1bu
#define MSR_EFER 0xc0000080u
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_SFMASK 0xc0000084u
#define MSR_VM_CR 0xc0010114u
#define MSR_VM_HSAVE 0xc0010117u
#define VM_CR_DISABLED (1ull << 4)

#define cpu_read(name)                                                                             \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        asm volatile("mov %%" #name ", %0" : "=r"(value_)::"memory");                              \
        value_;                                                                                    \
    })
#define cpu_write(name, value) asm volatile("mov %0, %%" #name ::"r"((uint64_t)(value)) : "memory")

static inline uint64_t cpu_msr_read(uint32_t msr) {
    uint32_t low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void cpu_msr_write(uint32_t msr, uint64_t value) {
    asm volatile("wrmsr" ::"a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(msr) : "memory");
}

#define LEAF_EXTENDED 0x80000001u // of CPUID

struct cpuid {
    uint32_t a, b, c, d;
};

static inline struct cpuid cpu_id(uint32_t leaf) {
    struct cpuid found;
    asm volatile("cpuid"
                 : "=a"(found.a), "=b"(found.b), "=c"(found.c), "=d"(found.d)
                 : "a"(leaf), "c"(0));
    return found;
}

static inline uint64_t cpu_counter(void) {
    uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

// cpu_out8(port, value), cpu_in8(port), and so on: instructions by their size's letter.
#define CPU_PORTS(bits, letter)                                                                    \
    static inline void cpu_out##bits(uint16_t port, uint##bits##_t value) {                        \
        asm volatile("out" letter " %0, %1" ::"a"(value), "Nd"(port) : "memory");                  \
    }                                                                                              \
    static inline uint##bits##_t cpu_in##bits(uint16_t port) {                                     \
        uint##bits##_t value;                                                                      \
        asm volatile("in" letter " %1, %0" : "=a"(value) : "Nd"(port) : "memory");                 \
        return value;                                                                              \
    }
CPU_PORTS(8, "b")
CPU_PORTS(16, "w")
CPU_PORTS(32, "l")
