// Chapter 8: remote fences. The core makes each vCPU named forget all that it cached of its own
// translations and instructions, whatever the range and the ASID: more than was asked for is always
// right. HFENCE is not there, because guests do not have the hypervisor extension.
#include "servers/sbi-server/sbi/harts.h"

static uint32_t fence(struct firmware_call *call, struct reply *reply) {
    uint64_t harts;
    if (!harts_from_mask(call->vm, call->argument[0], call->argument[1], &harts)) {
        return sbi_return(reply, SBI_ERR_INVALID_PARAM, 0);
    }
    reply->word[4] = harts;
    return sbi_return_with(reply, REPLY_FENCE, 0);
}

static firmware_function *const functions[SBI_RFENCE_COUNT] = {
    [SBI_RFENCE_FENCE_I] = fence,
    [SBI_RFENCE_SFENCE] = fence,
    [SBI_RFENCE_SFENCE_ASID] = fence,
};

const struct sbi_extension sbi_rfence = {functions, SBI_RFENCE_COUNT, false};
