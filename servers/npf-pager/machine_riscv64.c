#include "servers/npf-pager/machine.h"

extern const struct device_model goldfish_rtc;
extern const struct device_model pl031;

const struct device_model *const machine_models[] = {&goldfish_rtc, &pl031, NULL};

uint64_t machine_initial[sizeof(struct pager_state) / 8];
const uint32_t machine_words = sizeof(struct pager_state) / 8;
const uint32_t machine_vcpu_words = 0;

bool machine_sysreg(struct pager *pager, const struct message *record, struct reply *reply) {
    (void)pager, (void)record, (void)reply;
    return false;
}

bool machine_window(struct pager *pager, const struct message *record, struct reply *reply) {
    (void)pager, (void)record, (void)reply;
    return false;
}

void machine_quick_sysreg(uint64_t word0, uint64_t word1) { (void)word0, (void)word1; }
