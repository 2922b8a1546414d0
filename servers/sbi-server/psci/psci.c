// PSCI: what there is of it, and what of it is the same for every guest.
#include "servers/sbi-server/psci/psci.h"

#include <assert.h>

#include "servers/sbi-server/power.h"
#include "servers/sbi-server/version.h"

static_assert((int)PSCI_ON == (int)POWER_ON && (int)PSCI_OFF == (int)POWER_OFF,
              "the state has the specification's numbers");

const int64_t firmware_start_failed = PSCI_INTERNAL_FAILURE;
const bool firmware_has_console = false; // it is a device that some other server emulates
firmware_function *const firmware_port = NULL;

uint32_t firmware_answer(struct firmware_call *call, struct reply *reply) {
    firmware_function *function = psci_find((uint32_t)call->argument[0]);
    return function ? function(call, reply) : psci_return(call, reply, PSCI_NOT_SUPPORTED);
}

// Chapter 5.3.
void psci_quick_version(uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4,
                        uint64_t x5, uint64_t x6, uint64_t x7) {
    (void)id, (void)x2, (void)x3, (void)x4, (void)x5, (void)x6, (void)x7;
    rt_reply_hypercall(PSCI_VERSION_1(PSCI_MINOR_VERSION), x1);
}

// Chapter 5.9.
void psci_quick_migrate_info_type(uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4,
                                  uint64_t x5, uint64_t x6, uint64_t x7) {
    (void)id, (void)x2, (void)x3, (void)x4, (void)x5, (void)x6, (void)x7;
    rt_reply_hypercall(PSCI_MIGRATE_NONE, x1);
}

// Chapter 5.15. No function has a flag set: CPU_SUSPEND's would be the extended StateID and
// suspends that the guest coordinates. SMCCC_VERSION is asked for here, and no other of SMCCC's.
void psci_quick_features(uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4,
                         uint64_t x5, uint64_t x6, uint64_t x7) {
    (void)id, (void)x2, (void)x3, (void)x4, (void)x5, (void)x6, (void)x7;
    uint32_t function = (uint32_t)x1;
    bool there = psci_has(function) && function != SMCCC_ARCH_FEATURES;
    rt_reply_hypercall((uint64_t)(there ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED), x1);
}
