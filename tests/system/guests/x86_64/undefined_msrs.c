// Model-specific registers of all numbers that AMD's CPUs have any at (APM volume 2, 15.11: the
// ranges of the permission map), read and written: what a VM does not have is a general protection
// fault, as on a CPU that does not have it.
#include <stddef.h>

#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "tests/system/guests/check.h"

#define VECTOR_PROTECTION 13
#define RANGE 0x2000u
#define INSTRUCTION_SIZE 2

static const uint32_t ranges[] = {0, 0xc0000000, 0xc0010000};

// Those that are there; writing nonsense to them would be the guest's own end.
static const struct {
    uint32_t first, last;
} there[] = {
    {0x10, 0x10},             // the time stamp counter
    {0x1b, 0x1b},             // the local APIC's base
    {0x8b, 0x8b},             // the microcode's version
    {0x174, 0x176},           // SYSENTER
    {0x277, 0x277},           // PAT
    {0x6e0, 0x6e0},           // the timer's deadline
    {0xc0000080, 0xc0000084}, // EFER, and SYSCALL's
    {0xc0000100, 0xc0000103}, // bases, and what RDTSCP reads
};

static volatile uint64_t trapped; // the vector, plus one

void bare_trap(struct trap_frame *frame) {
    trapped = frame->vector + 1;
    frame->rip += INSTRUCTION_SIZE;
}

static bool is_there(uint32_t msr) {
    for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
        if (msr >= there[i].first && msr <= there[i].last)
            return true;
    }
    return false;
}

static bool is_refused(uint32_t msr, bool write) {
    const uint64_t value = check_random();
    uint32_t low = (uint32_t)value, high = (uint32_t)(value >> 32);
    trapped = 0;
    if (write)
        __asm__ volatile("wrmsr" ::"c"(msr), "a"(low), "d"(high) : "memory");
    else
        __asm__ volatile("rdmsr" : "+a"(low), "+d"(high) : "c"(msr) : "memory");
    return trapped == VECTOR_PROTECTION + 1;
}

bool guest_main(uint64_t cpu, const void *information) {
    (void)cpu, (void)information;
    unsigned refused = 0;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        for (uint32_t msr = ranges[i]; msr < ranges[i] + RANGE; msr++) {
            if (is_there(msr))
                continue;
            const bool reads = is_refused(msr, false), writes = is_refused(msr, true);
            refused += reads + writes;
            if (!reads || !writes)
                check(false, "MSR 0x%x: %s", msr, reads ? "written" : "read");
        }
    }
    check(x86_read_msr(MSR_APIC_BASE) != 0, "the local APIC is there");
    print("undefined_msrs: %u accesses refused\n", refused);
    return check_end("undefined_msrs");
}
