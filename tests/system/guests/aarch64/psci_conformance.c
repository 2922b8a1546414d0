// PSCI as its specification has it (Arm DEN 0022, versions 0.2 to 1.1), for a guest with one CPU;
// and that a trap of the guest's own comes back to it.
#include <stddef.h>

#include "arch/aarch64/guest/bare.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/check.h"

#define PSCI_VERSION 0x84000000u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_FEATURES 0x8400000au
#define PSCI_CPU_ON 0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u

#define NOT_SUPPORTED (-1)
#define INVALID_PARAMETERS (-2)
#define ALREADY_ON (-4)

#define ON 0
#define NO_TRUSTED_OS 2

// No machine here has so many clusters.
#define NOBODY UINT64_C(0x00ffff)

// §5.1: what every implementation of 1.0 has. Where a function has two numbers, both.
static const struct {
    uint32_t function;
    const char *name;
} mandatory[] = {
    {PSCI_VERSION, "PSCI_VERSION"},
    {0x84000001, "CPU_SUSPEND, 32 bits"},
    {0xc4000001, "CPU_SUSPEND"},
    {0x84000002, "CPU_OFF"},
    {0x84000003, "CPU_ON, 32 bits"},
    {PSCI_CPU_ON, "CPU_ON"},
    {0x84000004, "AFFINITY_INFO, 32 bits"},
    {PSCI_AFFINITY_INFO, "AFFINITY_INFO"},
    {0x84000008, "SYSTEM_OFF"},
    {0x84000009, "SYSTEM_RESET"},
    {PSCI_FEATURES, "PSCI_FEATURES"},
};
#define MANDATORY (sizeof(mandatory) / sizeof(mandatory[0]))

// Of the range that is PSCI's, but nobody's yet.
static const uint32_t unknown[] = {0x8400001f, 0xc400001f, 0x84000018, 0xc4000000, 0xc400000a};
#define UNKNOWN (sizeof(unknown) / sizeof(unknown[0]))

static int32_t psci(uint32_t function, uint64_t a, uint64_t b) {
    return (int32_t)firmware_call(function, a, b, 0);
}

static void try_features(void) {
    for (size_t i = 0; i < MANDATORY; i++) {
        const int32_t answer = psci(PSCI_FEATURES, mandatory[i].function, 0);
        check(answer >= 0, "PSCI_FEATURES of %s: %d", mandatory[i].name, answer);
    }
    for (size_t i = 0; i < UNKNOWN; i++) {
        const int32_t answer = psci(PSCI_FEATURES, unknown[i], 0);
        check(answer == NOT_SUPPORTED, "PSCI_FEATURES of 0x%x: %d", unknown[i], answer);
    }
}

static void try_unknown(void) {
    for (size_t i = 0; i < UNKNOWN; i++) {
        const int32_t answer = psci(unknown[i], 0, 0);
        check(answer == NOT_SUPPORTED, "0x%x: %d", unknown[i], answer);
    }
}

static void try_cpus(uint64_t cpu) {
    int32_t answer = psci(PSCI_AFFINITY_INFO, cpu, 0);
    check(answer == ON, "AFFINITY_INFO of this CPU: %d", answer);
    answer = psci(PSCI_AFFINITY_INFO, NOBODY, 0);
    check(answer == INVALID_PARAMETERS, "AFFINITY_INFO of nobody: %d", answer);
    answer = psci(PSCI_CPU_ON, cpu, (uint64_t)image_start);
    check(answer == ALREADY_ON, "CPU_ON of this CPU: %d", answer);
    answer = psci(PSCI_CPU_ON, NOBODY, (uint64_t)image_start);
    check(answer == INVALID_PARAMETERS, "CPU_ON of nobody: %d", answer);
}

static unsigned traps;
static uint64_t trapped;

uint64_t bare_trap(const struct bare_trap *trap) {
    traps++;
    trapped = ESR_CLASS(trap->syndrome);
    return trap->pc + 4;
}

// Its registers are as they were.
static void try_trap(void) {
    uint64_t before = UINT64_C(0x0123456789abcdef), after = before;
    __asm__ volatile("mov x0, %0\n"
                     "mov x17, %0\n"
                     "udf #0\n"
                     "eor %0, x0, x17\n"
                     : "+r"(after)::"x0", "x17", "memory");
    check(traps == 1 && trapped == ESR_UNKNOWN, "a trap: %u, of class %lu", traps, trapped);
    check(after == 0, "registers behind a trap");
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    check(bare_machine()->cpus == 1, "one CPU");
    const uint32_t version = (uint32_t)psci(PSCI_VERSION, 0, 0);
    check(version >> 16 == 1 && (version & 0xffff) <= 3, "version 0x%x", version);
    try_features();
    try_unknown();
    try_cpus(cpu);
    const int32_t migrate = psci(PSCI_MIGRATE_INFO_TYPE, 0, 0);
    check(migrate == NO_TRUSTED_OS || migrate == NOT_SUPPORTED, "MIGRATE_INFO_TYPE: %d", migrate);
    try_trap();
    return check_end("psci_conformance");
}
