// Chapter 10: system reset.
#include "servers/sbi-server/srst.h"

uint32_t srst_end(struct sbi_call *call, struct reply *reply, enum vm_end end, uint64_t reason) {
    call->end = end;
    call->reason = reason;
    reply->flags = REPLY_FLAGS | REPLY_STOP;
    return SBI_END;
}

static uint32_t reset(struct sbi_call *call, struct reply *reply) {
    // Both are 32 bits wide; what stands above does not count (chapter 3).
    uint32_t type = (uint32_t)call->argument[0];
    uint32_t reason = (uint32_t)call->argument[1];
    if (type >= SBI_RESET_COUNT || reason >= SBI_REASON_COUNT) {
        return sbi_return(reply, SBI_ERR_INVALID_PARAM, 0);
    }
    enum vm_end end = type == SBI_RESET_SHUTDOWN ? VM_END_SHUTDOWN : VM_END_REBOOT;
    return srst_end(call, reply, end, reason);
}

static sbi_function *const functions[SBI_SRST_COUNT] = {[SBI_SRST_RESET] = reset};

const struct sbi_extension sbi_srst = {functions, SBI_SRST_COUNT, false};
