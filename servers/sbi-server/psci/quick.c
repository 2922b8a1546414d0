// Which functions there are, and the shortest way of a call: rt_hypercall gets the guest's x0…x7
// where the guest left them, as a0…a7, finds the function by one look into a table, and a quick
// function answers from registers. What has no quick function takes the long way.
#include <assert.h>

#include "servers/sbi-server/psci/psci.h"

// X(identifier, quick function, function where the long way is taken)
#define PSCI_FUNCTIONS(X)                                                                          \
    X(SMCCC_VERSION, smccc_quick_version, NULL)                                                    \
    X(SMCCC_ARCH_FEATURES, smccc_quick_arch_features, NULL)                                        \
    X(PSCI_VERSION, psci_quick_version, NULL)                                                      \
    X(PSCI_CPU_SUSPEND, rt_handle_rest, psci_cpu_suspend)                                          \
    X(PSCI_CPU_SUSPEND | SMCCC_64, rt_handle_rest, psci_cpu_suspend)                               \
    X(PSCI_CPU_OFF, rt_handle_rest, psci_cpu_off)                                                  \
    X(PSCI_CPU_ON, rt_handle_rest, psci_cpu_on)                                                    \
    X(PSCI_CPU_ON | SMCCC_64, rt_handle_rest, psci_cpu_on)                                         \
    X(PSCI_AFFINITY_INFO, rt_handle_rest, psci_affinity_info)                                      \
    X(PSCI_AFFINITY_INFO | SMCCC_64, rt_handle_rest, psci_affinity_info)                           \
    X(PSCI_MIGRATE_INFO_TYPE, psci_quick_migrate_info_type, NULL)                                  \
    X(PSCI_SYSTEM_OFF, rt_handle_rest, psci_system_off)                                            \
    X(PSCI_SYSTEM_RESET, rt_handle_rest, psci_system_reset)                                        \
    X(PSCI_FEATURES, psci_quick_features, NULL)                                                    \
    X(PSCI_SYSTEM_RESET2, rt_handle_rest, psci_system_reset2)                                      \
    X(PSCI_SYSTEM_RESET2 | SMCCC_64, rt_handle_rest, psci_system_reset2)

// An identifier's upper byte says whose function it is and how wide, its low bits which: their sum
// is a place of its own for each. Two in one place would be an initializer that overrides another,
// which does not compile. An empty place holds 0, which no call that looks there has: SMCCC_VERSION
// has 0's own place.
#define PSCI_PLACES 128
#define PSCI_PLACE(id) (((uint32_t)(id) + ((uint32_t)(id) >> 24)) % PSCI_PLACES)
static_assert(PSCI_PLACE(SMCCC_VERSION) == PSCI_PLACE(0), "0 is found nowhere");

#define PSCI_QUICK(id, quick, function) [PSCI_PLACE(id)] = {(id), (quick)},
static const struct {
    uint32_t id;
    psci_quick *quick;
} quick_table[PSCI_PLACES] = {PSCI_FUNCTIONS(PSCI_QUICK)};

#define PSCI_LONG(id, quick, function) [PSCI_PLACE(id)] = (function),
static firmware_function *const long_table[PSCI_PLACES] = {PSCI_FUNCTIONS(PSCI_LONG)};

bool psci_has(uint32_t id) { return quick_table[PSCI_PLACE(id)].id == id; }

firmware_function *psci_find(uint32_t id) {
    return psci_has(id) ? long_table[PSCI_PLACE(id)] : NULL;
}

void rt_hypercall(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                  uint64_t a6, uint64_t a7) {
    uint32_t place = PSCI_PLACE(a0);
    if (__builtin_expect(quick_table[place].id != (uint32_t)a0, 0)) {
        rt_handle_rest(a0, a1, a2, a3, a4, a5, a6, a7);
        return;
    }
    quick_table[place].quick(a0, a1, a2, a3, a4, a5, a6, a7);
}
