// What the guest is told is the version of its firmware (SBI 2.0, chapter 4.3; PSCI, DEN0022,
// chapter 5.3). A PC's guest can't ask: it hears it by what calls are answered that there are not
// (arch/x86_64/guest/hypervisor.h).
#pragma once

#define SBI_IMPLEMENTATION_VERSION 2u
#define PSCI_MINOR_VERSION 2u
#define PC_REFUSED (UINT64_MAX - 1)
