// Chapter 9: hart state management. A hart in retentive suspend counts as started: nobody
// tells this server when it wakes.
#include "servers/sbi-server/memory.h"
#include "servers/sbi-server/power.h"
#include "servers/sbi-server/sbi/sbi.h"

static uint32_t start(struct firmware_call *call, struct reply *reply) {
    const struct firmware_vcpu_state *target = power_find(call, call->argument[0]);
    uint64_t address = call->argument[1];
    if (!target) {
        return sbi_return(reply, SBI_ERR_INVALID_PARAM, 0);
    }
    if (target->power == POWER_ON) {
        return sbi_return(reply, SBI_ERR_ALREADY_AVAILABLE, 0);
    }
    if (address % 2 != 0 || !memory_find(call->vm, address)) {
        return sbi_return(reply, SBI_ERR_INVALID_ADDRESS, 0);
    }
    sbi_return_with(reply, REPLY_START, 0);
    firmware_fill_start(call, reply);
    return power_on(call, target, reply);
}

static uint32_t stop(struct firmware_call *call, struct reply *reply) {
    return power_off(call, reply);
}

static uint32_t status(struct firmware_call *call, struct reply *reply) {
    const struct firmware_vcpu_state *target = power_find(call, call->argument[0]);
    return target ? sbi_return(reply, SBI_SUCCESS, target->power)
                  : sbi_return(reply, SBI_ERR_INVALID_PARAM, 0);
}

static uint32_t suspend(struct firmware_call *call, struct reply *reply) {
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

static firmware_function *const functions[SBI_HSM_COUNT] = {
    [SBI_HSM_START] = start,
    [SBI_HSM_STOP] = stop,
    [SBI_HSM_STATUS] = status,
    [SBI_HSM_SUSPEND] = suspend,
};

const struct sbi_extension sbi_hsm = {functions, SBI_HSM_COUNT, false};
