// Chapter 7: interprocessor interrupts. Raising an interrupt that is pending changes nothing, so a
// repeated call does no harm and nothing is written down.
#include "servers/sbi-server/sbi/ipi.h"

#include "servers/sbi-server/power.h"
#include "servers/sbi-server/sbi/harts.h"

void ipi_raise(const struct firmware_call *call, uint64_t harts, struct reply *reply) {
    for (uint32_t i = 0; i < call->vm->vcpus; i++) {
        if (call->state->vcpu[call->vm->first + i].power != POWER_ON) {
            harts &= ~(1ull << i);
        }
    }
    if (harts == 0) {
        return; // a mask of none would mean the vCPU that calls
    }
    reply->flags |= REPLY_RAISE | REPLY_INTERRUPT(INTERRUPT_SOFTWARE);
    reply->word[4] = harts;
}

static uint32_t send(struct firmware_call *call, struct reply *reply) {
    uint64_t harts;
    if (!harts_from_mask(call->vm, call->argument[0], call->argument[1], &harts)) {
        return sbi_return(reply, SBI_ERR_INVALID_PARAM, 0);
    }
    sbi_return_with(reply, 0, 0);
    ipi_raise(call, harts, reply);
    return 0;
}

static firmware_function *const functions[SBI_IPI_COUNT] = {[SBI_IPI_SEND] = send};

const struct sbi_extension sbi_ipi = {functions, SBI_IPI_COUNT, false};
