// PSCI's calls that end the VM (chapters 5.10, 5.11 and 5.18). They have no reason to give: how one
// ends is what there is to say.
#include "servers/sbi-server/psci/psci.h"

uint32_t psci_system_off(struct firmware_call *call, struct reply *reply) {
    return firmware_end(call, reply, VM_END_SYSTEM_OFF, 0);
}

uint32_t psci_system_reset(struct firmware_call *call, struct reply *reply) {
    return firmware_end(call, reply, VM_END_SYSTEM_RESET, 0);
}

uint32_t psci_system_reset2(struct firmware_call *call, struct reply *reply) {
    if ((uint32_t)call->argument[1] != PSCI_SYSTEM_WARM_RESET) {
        return psci_return(call, reply, PSCI_INVALID_PARAMETERS);
    }
    return firmware_end(call, reply, VM_END_SYSTEM_RESET, 0);
}
