// CPUID (APM volume 3, appendix E): what the machine's CPU says, as far as it works in a guest.
// What is not known here is not there. The hypervisor's own leaves are described in
// arch/x86_64/guest/hypervisor.h.
#include "servers/timer-server/pc/pc.h"

#define LEAF_LAST 7
#define EXTENDED 0x80000000u
#define EXTENDED_LAST 0x80000008u
#define HYPERVISOR 0x40000000u
#define HYPERVISOR_LAST 0x40000010u

#define BIT(number) (1u << (number))

// Without: MONITOR 3, VMX 5, FMA 12, PCID 17, XSAVE 26, OSXSAVE 27, AVX 28, F16C 29.
#define FEATURES_C                                                                                 \
    (BIT(0) | BIT(1) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(22) | BIT(23) | BIT(25) | BIT(30))
#define FEATURES_C_OURS (BIT(21) | BIT(24) | BIT(31)) // x2APIC, TSC deadline, a hypervisor
// Without: VME 1, MCE 7, MTRR 12, MCA 14, HTT 28.
#define FEATURES_D                                                                                 \
    (BIT(0) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(8) | BIT(9) | BIT(11) | BIT(13) |   \
     BIT(15) | BIT(16) | BIT(17) | BIT(19) | BIT(23) | BIT(24) | BIT(25) | BIT(26))
#define FEATURES_B_LINE 0xff00u // of CLFLUSH
#define FEATURES_B_ID_SHIFT 24
#define FEATURES_B_ONE_CPU (1u << 16)
// FSGSBASE, BMI1, SMEP, BMI2, ERMS, RDSEED, ADX, SMAP, CLFLUSHOPT.
#define STRUCTURED_B                                                                               \
    (BIT(0) | BIT(3) | BIT(7) | BIT(8) | BIT(9) | BIT(18) | BIT(19) | BIT(20) | BIT(23))
// Without: SVM 2, extended APIC space 3, OSVW 9, IBS 10, and all that is newer.
#define EXTENDED_C (BIT(0) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8))
// Without: RDTSCP 27, whose register is not kept for guests.
#define EXTENDED_D (BIT(11) | BIT(20) | BIT(22) | BIT(25) | BIT(26) | BIT(29) | FEATURES_D)
#define POWER_D BIT(8)  // the time stamp counter runs always alike
#define SIZES_A 0xffffu // of addresses
#define HERTZ_A_KILOHERTZ 1000u

static struct pc_cpuid_result masked(uint32_t leaf, uint32_t a, uint32_t b, uint32_t c,
                                     uint32_t d) {
    const struct pc_cpuid_result host = pc_host_cpuid(leaf, 0);
    return (struct pc_cpuid_result){host.a & a, host.b & b, host.c & c, host.d & d};
}

static struct pc_cpuid_result features(uint32_t vcpu) {
    struct pc_cpuid_result found = masked(1, UINT32_MAX, FEATURES_B_LINE, FEATURES_C, FEATURES_D);
    found.b |= vcpu << FEATURES_B_ID_SHIFT | FEATURES_B_ONE_CPU;
    found.c |= FEATURES_C_OURS;
    return found;
}

static struct pc_cpuid_result last(uint32_t leaf, uint32_t most) {
    struct pc_cpuid_result found = masked(leaf, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX);
    found.a = found.a < most ? found.a : most;
    return found;
}

static struct pc_cpuid_result standard(uint32_t vcpu, uint32_t leaf, uint32_t subleaf) {
    switch (leaf) {
    case 0:
        return last(0, LEAF_LAST);
    case 1:
        return features(vcpu);
    case LEAF_LAST:
        return subleaf == 0 ? masked(leaf, 0, STRUCTURED_B, 0, 0) : (struct pc_cpuid_result){0};
    default:
        return (struct pc_cpuid_result){0};
    }
}

static struct pc_cpuid_result extended(uint32_t leaf) {
    const uint32_t all = UINT32_MAX;
    switch (leaf - EXTENDED) {
    case 0:
        return last(leaf, EXTENDED_LAST);
    case 1:
        return masked(leaf, all, 0, EXTENDED_C, EXTENDED_D);
    case 2: // the CPU's name
    case 3:
    case 4:
    case 5: // its caches
    case 6:
        return masked(leaf, all, all, all, all);
    case 7:
        return masked(leaf, 0, 0, 0, POWER_D);
    case 8:
        return masked(leaf, SIZES_A, 0, 0, 0);
    default:
        return (struct pc_cpuid_result){0};
    }
}

// The LAPIC's timer counts the time stamp counter.
static struct pc_cpuid_result ours(uint32_t leaf) {
    const uint32_t kilohertz = (uint32_t)(rt_config->timebase / HERTZ_A_KILOHERTZ);
    static const char name[] = "ExeuntExeunt";
    struct pc_cpuid_result found = {0};
    if (leaf == HYPERVISOR) {
        found.a = HYPERVISOR_LAST;
        __builtin_memcpy(&found.b, name, sizeof(found.b));
        __builtin_memcpy(&found.c, name + 4, sizeof(found.c));
        __builtin_memcpy(&found.d, name + 8, sizeof(found.d));
    } else if (leaf == HYPERVISOR_LAST) {
        found.a = found.b = kilohertz;
    }
    return found;
}

struct pc_cpuid_result pc_cpuid(uint32_t vcpu, uint32_t leaf, uint32_t subleaf) {
    if (leaf - HYPERVISOR <= HYPERVISOR_LAST - HYPERVISOR) {
        return ours(leaf);
    }
    return leaf >= EXTENDED ? extended(leaf) : standard(vcpu, leaf, subleaf);
}
