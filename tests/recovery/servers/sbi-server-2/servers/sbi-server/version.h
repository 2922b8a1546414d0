// What the guest is told is the version of its firmware (SBI 2.0, chapter 4.3; PSCI, DEN0022,
// chapter 5.3; on a PC arch/x86_64/guest/hypervisor.h).
#pragma once

#define SBI_IMPLEMENTATION_VERSION 2u
#define PSCI_MINOR_VERSION 2u
#define PC_FIRMWARE_VERSION 2u
