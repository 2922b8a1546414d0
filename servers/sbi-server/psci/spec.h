// Numbers of the Arm Power State Coordination Interface 1.1 (DEN0022) and of the SMC Calling
// Convention 1.2 (DEN0028).
#pragma once

// A function identifier's bit that says: arguments and results have 64 bits (DEN0028, chapter 2).
#define SMCCC_64 0x40000000u

// DEN0028, chapter 7: Arm Architecture Calls.
#define SMCCC_VERSION 0x80000000u
#define SMCCC_ARCH_FEATURES 0x80000001u

// DEN0022, chapter 5. Those with addresses or affinities have a second identifier, with SMCCC_64.
#define PSCI_VERSION 0x84000000u
#define PSCI_CPU_SUSPEND 0x84000001u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON 0x84000003u
#define PSCI_AFFINITY_INFO 0x84000004u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u
#define PSCI_FEATURES 0x8400000au
#define PSCI_SYSTEM_RESET2 0x84000012u

// The major number above 16 bits of the minor one. All that 1.2 and 1.3 have beyond 1.1 is
// optional.
#define PSCI_VERSION_1(minor) (0x10000u | (minor))
#define SMCCC_VERSION_1_2 0x10002u

// DEN0022, chapter 5.2.2: what a call returns in x0. An unknown function's is SMCCC's -1, too.
enum psci_error {
    PSCI_SUCCESS = 0,
    PSCI_NOT_SUPPORTED = -1,
    PSCI_INVALID_PARAMETERS = -2,
    PSCI_DENIED = -3,
    PSCI_ALREADY_ON = -4,
    PSCI_ON_PENDING = -5,
    PSCI_INTERNAL_FAILURE = -6,
    PSCI_INVALID_ADDRESS = -9,
};

// AFFINITY_INFO. A third, ON_PENDING, never is: a vCPU starts with the answer to CPU_ON.
enum psci_affinity { PSCI_ON = 0, PSCI_OFF = 1 };

// The affinity fields of MPIDR_EL1: levels 0 to 2 in bits 0 to 23, level 3 in bits 32 to 39.
#define PSCI_AFFINITY_LEVELS 4
#define PSCI_AFFINITY_FIELDS 0x000000ff00ffffffull

// CPU_SUSPEND's power_state, in the format without the extended StateID: bits 0 to 15 StateID, bit
// 16 power down, bits 24 and 25 power level.
#define PSCI_STANDBY 0u

// MIGRATE_INFO_TYPE: there is no Trusted OS that a core would have to be kept for.
#define PSCI_MIGRATE_NONE 2u

// SYSTEM_RESET2's only reset type that is not a vendor's.
#define PSCI_SYSTEM_WARM_RESET 0u
