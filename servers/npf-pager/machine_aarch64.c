#include "libs/vgic/vgic.h"
#include "servers/npf-pager/gic.h"
#include "servers/npf-pager/machine.h"
#include "servers/npf-pager/sysreg.h"

extern const struct device_model goldfish_rtc;
extern const struct device_model pl011_uart;
extern const struct device_model pl031;

const struct device_model *const machine_models[] = {
    &goldfish_rtc, &gic_distributor, &gic_redistributors, &gic_banked, &pl011_uart, &pl031, NULL};

#define WORDS ((sizeof(struct pager_state) + PAGER_VMS * sizeof(struct vgic_state)) / 8)
uint64_t machine_initial[WORDS];
const uint32_t machine_words = WORDS;
const uint32_t machine_vcpu_words = 0;

// The ISS of a trapped write of a system register, without the general register that it comes from
// (Arm DDI 0487, D19.2.37).
#define ISS_RT (31u << 5)
#define ISS_WRITE(op0, op1, crn, crm, op2)                                                         \
    ((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)
#define ICC_SGI1R_EL1 ISS_WRITE(3u, 0u, 12u, 11u, 5u)

bool machine_sysreg(struct pager *pager, const struct message *record, struct reply *reply) {
    if ((record->word[0] & ~(uint64_t)ISS_RT) == ICC_SGI1R_EL1 && gic_send(pager, record, reply)) {
        return true;
    }
    sysreg_serve(record, gic_has_registers(pager, pager_vm(pager, record)), reply);
    return true;
}

bool machine_window(struct pager *pager, const struct message *record, struct reply *reply) {
    return gic_window(pager, record, reply);
}

void machine_quick_sysreg(uint64_t word0, uint64_t word1) { sysreg_quick(word0, word1); }
