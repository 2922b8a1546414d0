// Calls of guests by PSCI's registers, in the world of tests/unit/sbi. x2 to x7 of those that the
// caller does not name hold something else, as they would.
#pragma once

#include "tests/unit/sbi/world.h"

// Numbers of DEN0022 and DEN0028.
#define CPU_SUSPEND 0x84000001
#define CPU_OFF 0x84000002
#define CPU_ON 0x84000003
#define AFFINITY_INFO 0x84000004
#define SYSTEM_OFF 0x84000008
#define SYSTEM_RESET 0x84000009
#define SYSTEM_RESET2 0x84000012
#define WIDE 0x40000000 // the bit of functions with 64 bits

// The record of such a call, not served yet.
struct message psci_record(uint64_t vm, unsigned vcpu, uint64_t id, uint64_t x1, uint64_t x2,
                           uint64_t x3);

// Its answer, by a server that has just started. Whatever it is, x1 stays what it was.
struct reply psci_call_from(uint64_t vm, unsigned vcpu, uint64_t id, uint64_t x1, uint64_t x2,
                            uint64_t x3);

// The same from vCPU 0 of VM 0.
struct reply psci_call(uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3);

// A call from vCPU 0 of VM 0 whose answer is VALUE and does nothing else.
void psci_expect(int64_t value, uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3);
