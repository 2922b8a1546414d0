// PSCI's calls about CPUs (chapters 5.4 to 5.7). A vCPU's number is level 0 of its affinity; all
// other levels are 0.
#include "servers/sbi-server/memory.h"
#include "servers/sbi-server/power.h"
#include "servers/sbi-server/psci/psci.h"

// An AArch64 entry point is where an instruction can be.
#define ENTRY_ALIGNMENT 4

void firmware_fill_start(const struct firmware_call *call, struct reply *reply) {
    reply->word[2] = psci_argument(call, 1); // target_cpu
    reply->word[3] = psci_argument(call, 2); // entry_point_address
    reply->word[4] = psci_argument(call, 3); // context_id
}

uint32_t psci_cpu_on(struct firmware_call *call, struct reply *reply) {
    const struct firmware_vcpu_state *target = power_find(call, psci_argument(call, 1));
    uint64_t entry = psci_argument(call, 2);
    if (!target) {
        return psci_return(call, reply, PSCI_INVALID_PARAMETERS);
    }
    if (target->power == POWER_ON) {
        return psci_return(call, reply, PSCI_ALREADY_ON);
    }
    if (entry % ENTRY_ALIGNMENT != 0 || !memory_find(call->vm, entry)) {
        return psci_return(call, reply, PSCI_INVALID_ADDRESS);
    }
    psci_return_with(call, reply, REPLY_START);
    firmware_fill_start(call, reply);
    return power_on(call, target, reply);
}

uint32_t psci_cpu_off(struct firmware_call *call, struct reply *reply) {
    return power_off(call, reply);
}

// One state is offered, standby: until the next interrupt, registers kept. Who wants another one
// hears that there is none: coming back at another address, registers lost, is more work for the
// guest, and would save nothing here.
uint32_t psci_cpu_suspend(struct firmware_call *call, struct reply *reply) {
    if ((uint32_t)call->argument[1] != PSCI_STANDBY) {
        return psci_return(call, reply, PSCI_INVALID_PARAMETERS);
    }
    return psci_return_with(call, reply, REPLY_PARK);
}

static uint32_t any_is_on(struct firmware_call *call, struct reply *reply) {
    for (uint32_t i = 0; i < call->vm->vcpus; i++) {
        if (power_find(call, i)->power == POWER_ON) {
            return psci_return(call, reply, PSCI_ON);
        }
    }
    return psci_return(call, reply, PSCI_OFF);
}

// Of one CPU, or of all that have the same affinity at a level and above. Fields below it are not
// looked at, and there is but one node at each level above 0.
uint32_t psci_affinity_info(struct firmware_call *call, struct reply *reply) {
    uint64_t affinity = psci_argument(call, 1);
    uint64_t level = (uint32_t)call->argument[2];
    static const uint64_t below[PSCI_AFFINITY_LEVELS] = {0, 0xff, 0xffff, 0xffffff};
    if (level >= PSCI_AFFINITY_LEVELS) {
        return psci_return(call, reply, PSCI_INVALID_PARAMETERS);
    }
    if (level > 0 && (affinity & ~below[level]) == 0) {
        return any_is_on(call, reply);
    }
    const struct firmware_vcpu_state *target = level > 0 ? NULL : power_find(call, affinity);
    return psci_return(call, reply, target ? (int64_t)target->power : PSCI_INVALID_PARAMETERS);
}
