#include "servers/sbi-server/sbi/sbi.h"

#include <assert.h>

#include "servers/sbi-server/power.h"

static_assert((int)SBI_HART_STARTED == (int)POWER_ON && (int)SBI_HART_STOPPED == (int)POWER_OFF,
              "the state has the specification's numbers");

const int64_t firmware_start_failed = SBI_ERR_FAILED;
const bool firmware_has_console = true;
firmware_function *const firmware_port = NULL;

void firmware_fill_start(const struct firmware_call *call, struct reply *reply) {
    reply->word[2] = call->argument[0]; // hart
    reply->word[3] = call->argument[1]; // address
    reply->word[4] = call->argument[2]; // opaque
}

uint32_t firmware_answer(struct firmware_call *call, struct reply *reply) {
    const struct sbi_extension *extension = sbi_find(call->argument[7]);
    if (!extension) {
        return sbi_return(reply, SBI_ERR_NOT_SUPPORTED, 0);
    }
    uint64_t function = call->argument[extension->legacy ? 7 : 6];
    if (function >= extension->count || !extension->function[function]) {
        return sbi_return(reply, SBI_ERR_NOT_SUPPORTED, 0);
    }
    return extension->function[function](call, reply);
}
