// What aarch64's guests call, by HVC or SMC: the Power State Coordination Interface 1.1 and the SMC
// Calling Convention 1.2. The record's words are x0…x7: the low half of x0 is the identifier of a
// function, its arguments begin with x1. A function returns in x0 and leaves the other registers as
// they were (DEN0028, chapter 2.7 and 2.8).
#pragma once

#include "servers/sbi-server/firmware.h"
#include "servers/sbi-server/psci/spec.h"

// Functions that answer a call from the guest's argument registers alone, and end by rt_reply_…:
// they do not return, which a type of functions can't say.
typedef void psci_quick(uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4,
                        uint64_t x5, uint64_t x6, uint64_t x7);

psci_quick psci_quick_version, psci_quick_features, psci_quick_migrate_info_type;
psci_quick smccc_quick_version, smccc_quick_arch_features;

firmware_function psci_cpu_on, psci_cpu_off, psci_cpu_suspend, psci_affinity_info;
firmware_function psci_system_off, psci_system_reset, psci_system_reset2;

// Whether there is a function ID (quick.c).
bool psci_has(uint32_t id);

// The function ID where it is one of those that take the long way, else NULL (quick.c).
firmware_function *psci_find(uint32_t id);

// Argument NUMBER, from 1, of CALL: of a function with 32 bits only those are looked at.
static inline uint64_t psci_argument(const struct firmware_call *call, unsigned number) {
    uint64_t argument = call->argument[number];
    return call->argument[0] & SMCCC_64 ? argument : (uint32_t)argument;
}

// An answer that does nothing but return VALUE, an enum psci_error or what a function says. As
// SMCCC has it for what is not there, a negative number has all its 64 bits, whatever the function.
static inline uint32_t psci_return(const struct firmware_call *call, struct reply *reply,
                                   int64_t value) {
    return firmware_return(reply, (uint64_t)value, call->argument[1]);
}

// The same for a call that succeeds, with effects in FLAGS whose words the caller sets.
static inline uint32_t psci_return_with(const struct firmware_call *call, struct reply *reply,
                                        uint64_t flags) {
    return firmware_return_with(reply, flags, PSCI_SUCCESS, call->argument[1]);
}
