// Chapter 9: hart state management. A hart is started or stopped by the answer itself; the state
// says which are which. A hart in retentive suspend counts as started: nobody tells this server
// when it wakes.
#include "servers/sbi-server/memory.h"

static const struct sbi_vcpu_state *find(const struct sbi_call *call, uint64_t hart) {
    return hart < call->vm->vcpus ? &call->state->vcpu[call->vm->first + hart] : NULL;
}

static uint32_t start(struct sbi_call *call, struct reply *reply) {
    struct sbi *sbi = call->sbi;
    const struct sbi_vcpu_state *target = find(call, call->argument[0]);
    uint64_t address = call->argument[1];
    if (!target) {
        return sbi_return(reply, SBI_ERR_INVALID_PARAM, 0);
    }
    if (target->hart == SBI_HART_STARTED) {
        return sbi_return(reply, SBI_ERR_ALREADY_AVAILABLE, 0);
    }
    if (address % 2 != 0 || !memory_find(call->vm, address)) {
        return sbi_return(reply, SBI_ERR_INVALID_ADDRESS, 0);
    }
    sbi_return_with(reply, REPLY_START, 0);
    sbi_fill_start(call, reply);
    state_set(&sbi->state, &target->hart, SBI_HART_STARTED);
    return sbi_keep(call, reply);
}

static uint32_t stop(struct sbi_call *call, struct reply *reply) {
    reply->flags = REPLY_FLAGS | REPLY_STOP;
    state_set(&call->sbi->state, &call->own->hart, SBI_HART_STOPPED);
    return sbi_keep(call, reply);
}

static uint32_t status(struct sbi_call *call, struct reply *reply) {
    const struct sbi_vcpu_state *target = find(call, call->argument[0]);
    return target ? sbi_return(reply, SBI_SUCCESS, target->hart)
                  : sbi_return(reply, SBI_ERR_INVALID_PARAM, 0);
}

static uint32_t suspend(struct sbi_call *call, struct reply *reply) {
    switch ((uint32_t)call->argument[0]) {
    case SBI_SUSPEND_RETENTIVE:
        return sbi_return_with(reply, REPLY_PARK, 0);
    case SBI_SUSPEND_NON_RETENTIVE:
        // Coming back at another address, registers lost, is more work for the guest than the
        // retentive kind, and would save nothing here.
        return sbi_return(reply, SBI_ERR_NOT_SUPPORTED, 0);
    default:
        return sbi_return(reply, SBI_ERR_INVALID_PARAM, 0);
    }
}

uint32_t sbi_hsm_refused(struct sbi_call *call, struct reply *reply) {
    struct sbi *sbi = call->sbi;
    const struct sbi_vcpu_state *target = &call->state->vcpu[sbi->starting - 1];
    state_set(&sbi->state, &target->hart, SBI_HART_STOPPED);
    sbi->starting = 0;
    sbi_return(reply, SBI_ERR_FAILED, 0);
    return sbi_keep(call, reply);
}

static sbi_function *const functions[SBI_HSM_COUNT] = {
    [SBI_HSM_START] = start,
    [SBI_HSM_STOP] = stop,
    [SBI_HSM_STATUS] = status,
    [SBI_HSM_SUSPEND] = suspend,
};

const struct sbi_extension sbi_hsm = {functions, SBI_HSM_COUNT, false};
