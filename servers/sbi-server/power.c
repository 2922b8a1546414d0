#include "servers/sbi-server/power.h"

const struct firmware_vcpu_state *power_find(const struct firmware_call *call, uint64_t number) {
    return number < call->vm->vcpus ? &call->state->vcpu[call->vm->first + number] : NULL;
}

uint32_t power_on(struct firmware_call *call, const struct firmware_vcpu_state *target,
                  const struct reply *reply) {
    state_set(&call->firmware->state, &target->power, POWER_ON);
    return firmware_keep(call, reply);
}

uint32_t power_off(struct firmware_call *call, struct reply *reply) {
    reply->flags = REPLY_FLAGS | REPLY_STOP;
    state_set(&call->firmware->state, &call->own->power, POWER_OFF);
    return firmware_keep(call, reply);
}

uint32_t power_refused(struct firmware_call *call, struct reply *reply) {
    struct firmware *firmware = call->firmware;
    const struct firmware_vcpu_state *target = &call->state->vcpu[firmware->starting - 1];
    state_set(&firmware->state, &target->power, POWER_OFF);
    firmware->starting = 0;
    // The second result register is as the answer that was refused would have left it.
    firmware_return(reply, (uint64_t)firmware_start_failed, call->own->word[1]);
    return firmware_keep(call, reply);
}
