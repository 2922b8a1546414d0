// What the guest is told is the version of its firmware (SBI 2.0, chapter 4.3; PSCI, DEN0022,
// chapter 5.3).
#pragma once

#define SBI_IMPLEMENTATION_VERSION 1u
#define PSCI_MINOR_VERSION 1u
