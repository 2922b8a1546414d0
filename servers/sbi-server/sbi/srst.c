// Chapter 10: system reset.
#include "servers/sbi-server/sbi/sbi.h"

static uint32_t reset(struct firmware_call *call, struct reply *reply) {
    // Both are 32 bits wide; what stands above does not count (chapter 3).
    uint32_t type = (uint32_t)call->argument[0];
    uint32_t reason = (uint32_t)call->argument[1];
    if (type >= SBI_RESET_COUNT || reason >= SBI_REASON_COUNT) {
        return sbi_return(reply, SBI_ERR_INVALID_PARAM, 0);
    }
    enum vm_end end = type == SBI_RESET_SHUTDOWN ? VM_END_SHUTDOWN : VM_END_REBOOT;
    return firmware_end(call, reply, end, reason);
}

static firmware_function *const functions[SBI_SRST_COUNT] = {[SBI_SRST_RESET] = reset};

const struct sbi_extension sbi_srst = {functions, SBI_SRST_COUNT, false};
