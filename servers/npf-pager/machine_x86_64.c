#include "servers/npf-pager/machine.h"

extern const struct device_model goldfish_rtc;
extern const struct device_model xapic;

const struct device_model *const machine_models[] = {&goldfish_rtc, &xapic, NULL};

#define WORDS (sizeof(struct pager_state) / 8 + PAGER_VCPUS)
static_assert(2 * sizeof(uint64_t) * WORDS + STATE_SLOTS_AT <= 4096, "the region is one page");
uint64_t machine_initial[WORDS];
const uint32_t machine_words = WORDS;
const uint32_t machine_vcpu_words = 1;

bool machine_sysreg(struct pager *pager, const struct message *record, struct reply *reply) {
    (void)pager, (void)record, (void)reply;
    return false;
}

bool machine_window(struct pager *pager, const struct message *record, struct reply *reply) {
    (void)pager, (void)record, (void)reply;
    return false;
}

void machine_quick_sysreg(uint64_t word0, uint64_t word1) { (void)word0, (void)word1; }
