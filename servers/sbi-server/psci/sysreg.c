// Trapped system registers. The manifest gives those that a guest is promised, its interrupt
// controller's, to the server that emulates them; what comes here is as on a machine that does not
// have it.
#include "servers/sbi-server/psci/psci.h"

// ESR_EL1 of an undefined instruction: class 0, an instruction of 32 bits (DDI0487, D19.2.37).
#define ESR_UNDEFINED (1u << 25)

void firmware_sysreg(const struct message *record, uint64_t now, struct reply *reply) {
    (void)record, (void)now;
    reply->flags = REPLY_FLAGS | REPLY_INJECT;
    reply->word[0] = ESR_UNDEFINED;
}
