// CPUID (APM volume 3, appendix E): what the machine's CPU says, as far as it works in a guest.
// What is not known here is not there. The hypervisor's own leaves are described in
// arch/x86_64/guest/hypervisor.h.
#include "servers/timer-server/pc/pc.h"

#define LEAF_STRUCTURED 7
#define LEAF_TOPOLOGY 0xb
#define LEAF_LAST LEAF_TOPOLOGY
#define EXTENDED 0x80000000u
#define EXTENDED_LAST 0x80000008u
#define HYPERVISOR 0x40000000u
#define HYPERVISOR_LAST 0x40000010u

#define BIT(number) (1u << (number))

// Without: MONITOR 3, VMX 5, FMA 12, PCID 17, XSAVE 26, OSXSAVE 27, AVX 28, F16C 29.
#define FEATURES_C                                                                                 \
    (BIT(0) | BIT(1) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(22) | BIT(23) | BIT(25) | BIT(30))
#define FEATURES_C_OURS (BIT(21) | BIT(24) | BIT(31)) // x2APIC, TSC deadline, a hypervisor
#define FEATURES_D_SEVERAL BIT(28)                    // HTT: FEATURES_B has a number of CPUs
// Without: VME 1, MCE 7, MTRR 12, MCA 14.
#define FEATURES_D                                                                                 \
    (BIT(0) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(8) | BIT(9) | BIT(11) | BIT(13) |   \
     BIT(15) | BIT(16) | BIT(17) | BIT(19) | BIT(23) | BIT(24) | BIT(25) | BIT(26))
#define FEATURES_B_LINE 0xff00u // of CLFLUSH
#define FEATURES_B_ID_SHIFT 24
#define FEATURES_B_CPUS_SHIFT 16
// FSGSBASE, BMI1, SMEP, BMI2, ERMS, RDSEED, ADX, SMAP, CLFLUSHOPT.
#define STRUCTURED_B                                                                               \
    (BIT(0) | BIT(3) | BIT(7) | BIT(8) | BIT(9) | BIT(18) | BIT(19) | BIT(20) | BIT(23))
// Without: SVM 2, extended APIC space 3, OSVW 9, IBS 10, and all that is newer.
#define EXTENDED_C (BIT(0) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8))
#define EXTENDED_C_SEVERAL BIT(1) // they are cores, not threads
// Without: RDTSCP 27, whose register is not kept for guests.
#define EXTENDED_D (BIT(11) | BIT(20) | BIT(22) | BIT(25) | BIT(26) | BIT(29) | FEATURES_D)
#define POWER_D BIT(8)             // the time stamp counter runs always alike
#define SIZES_A 0xffffu            // of addresses
#define SIZES_C_BITS_SHIFT 12      // of CPUs' numbers in a VM
#define TOPOLOGY_THREADS (1u << 8) // kinds of levels
#define TOPOLOGY_CORES (2u << 8)
#define HERTZ_A_KILOHERTZ 1000u

static struct pc_cpuid_result masked(uint32_t leaf, uint32_t a, uint32_t b, uint32_t c,
                                     uint32_t d) {
    const struct pc_cpuid_result host = pc_host_cpuid(leaf, 0);
    return (struct pc_cpuid_result){host.a & a, host.b & b, host.c & c, host.d & d};
}

// Which vCPU asks, of how many.
struct asker {
    uint32_t vcpu, vcpus;
};

// Of numbers that are below VCPUS.
static uint32_t number_bits(uint32_t vcpus) {
    return vcpus > 1 ? 32 - (uint32_t)__builtin_clz(vcpus - 1) : 0;
}

static struct pc_cpuid_result features(struct asker asker) {
    struct pc_cpuid_result found = masked(1, UINT32_MAX, FEATURES_B_LINE, FEATURES_C, FEATURES_D);
    found.b |= asker.vcpu << FEATURES_B_ID_SHIFT | asker.vcpus << FEATURES_B_CPUS_SHIFT;
    found.d |= asker.vcpus > 1 ? FEATURES_D_SEVERAL : 0;
    found.c |= FEATURES_C_OURS;
    return found;
}

static struct pc_cpuid_result last(uint32_t leaf, uint32_t most) {
    struct pc_cpuid_result found = masked(leaf, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX);
    found.a = found.a < most ? found.a : most;
    return found;
}

// Each is a core with one thread, all in one package. Behind the last level there is nothing but
// the numbers.
static struct pc_cpuid_result topology(struct asker asker, uint32_t level) {
    const struct pc_cpuid_result levels[] = {
        {0, 1, TOPOLOGY_THREADS, asker.vcpu},
        {number_bits(asker.vcpus), asker.vcpus, TOPOLOGY_CORES | 1, asker.vcpu},
    };
    return level < 2 ? levels[level] : (struct pc_cpuid_result){0, 0, level & 0xff, asker.vcpu};
}

static struct pc_cpuid_result standard(uint64_t badge, uint32_t vcpu, uint32_t leaf,
                                       uint32_t subleaf) {
    switch (leaf) {
    case 0:
        return last(0, LEAF_LAST);
    case 1:
        return features((struct asker){vcpu, pc_vcpus(&pc_server, badge)});
    case LEAF_TOPOLOGY:
        return topology((struct asker){vcpu, pc_vcpus(&pc_server, badge)}, subleaf);
    case LEAF_STRUCTURED:
        return subleaf == 0 ? masked(leaf, 0, STRUCTURED_B, 0, 0) : (struct pc_cpuid_result){0};
    default:
        return (struct pc_cpuid_result){0};
    }
}

static struct pc_cpuid_result extended(uint64_t badge, uint32_t leaf) {
    const uint32_t all = UINT32_MAX;
    const uint32_t vcpus = pc_vcpus(&pc_server, badge);
    struct pc_cpuid_result found;
    switch (leaf - EXTENDED) {
    case 0:
        return last(leaf, EXTENDED_LAST);
    case 1:
        found = masked(leaf, all, 0, EXTENDED_C, EXTENDED_D);
        found.c |= vcpus > 1 ? EXTENDED_C_SEVERAL : 0;
        return found;
    case 2: // the CPU's name
    case 3:
    case 4:
    case 5: // its caches
    case 6:
        return masked(leaf, all, all, all, all);
    case 7:
        return masked(leaf, 0, 0, 0, POWER_D);
    case 8:
        found = masked(leaf, SIZES_A, 0, 0, 0);
        found.c = vcpus > 0 ? number_bits(vcpus) << SIZES_C_BITS_SHIFT | (vcpus - 1) : 0;
        return found;
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

struct pc_cpuid_result pc_cpuid(uint64_t badge, uint32_t vcpu, uint32_t leaf, uint32_t subleaf) {
    if (leaf - HYPERVISOR <= HYPERVISOR_LAST - HYPERVISOR) {
        return ours(leaf);
    }
    return leaf >= EXTENDED ? extended(badge, leaf) : standard(badge, vcpu, leaf, subleaf);
}
