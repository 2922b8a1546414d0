#include "arch/aarch64/guest/firmware.h"

#include "tests/system/guests/aarch64/second.h"
#include "tests/system/guests/firmware.h"

// PSCI, Arm DEN 0022, chapter 5.
#define PSCI_VERSION 0x84000000u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON 0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u

enum { AFFINITY_ON, AFFINITY_OFF };

// The minor version: 1 of PSCI 1.1.
uint64_t firmware_version(void) { return firmware_call(PSCI_VERSION, 0, 0, 0) & 0xffff; }

// The context is what it is to do.
static void second_main(uint64_t context) { ((void (*)(void))context)(); }

int64_t firmware_start(uint64_t cpu, void (*main)(void)) {
    return (int32_t)firmware_call(PSCI_CPU_ON, cpu, second_entry(second_main), (uint64_t)main);
}

_Noreturn void firmware_stop(void) {
    firmware_call(PSCI_CPU_OFF, 0, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}

bool firmware_is_on(uint64_t cpu) {
    return (int32_t)firmware_call(PSCI_AFFINITY_INFO, cpu, 0, 0) == AFFINITY_ON;
}

bool firmware_is_off(uint64_t cpu) {
    return (int32_t)firmware_call(PSCI_AFFINITY_INFO, cpu, 0, 0) == AFFINITY_OFF;
}
