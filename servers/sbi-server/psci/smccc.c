// SMCCC, chapter 7: the calls by which software finds out about the convention and its CPU. No
// workaround for a CPU is offered (SMCCC_ARCH_WORKAROUND_…): what a guest's CPU needs of them was
// the machine's firmware's to know. TRNG (DEN0098) is not there either: this server has no source
// of randomness, and its answers want more result registers than a reply can write.
#include "servers/sbi-server/psci/psci.h"

void smccc_quick_version(uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4,
                         uint64_t x5, uint64_t x6, uint64_t x7) {
    (void)id, (void)x2, (void)x3, (void)x4, (void)x5, (void)x6, (void)x7;
    rt_reply_hypercall(SMCCC_VERSION_1_2, x1);
}

void smccc_quick_arch_features(uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4,
                               uint64_t x5, uint64_t x6, uint64_t x7) {
    (void)id, (void)x2, (void)x3, (void)x4, (void)x5, (void)x6, (void)x7;
    uint32_t function = (uint32_t)x1;
    bool there = function == SMCCC_VERSION || function == SMCCC_ARCH_FEATURES;
    rt_reply_hypercall((uint64_t)(there ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED), x1);
}
