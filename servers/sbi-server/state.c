// What depends on the layout of the state (state.h) beyond its fields' names. A new version of the
// layout is a new state.h and a new one of this: tests/recovery/servers/sbi-server-2 shows one.
#include "servers/sbi-server/firmware.h"

enum status firmware_migrate(uint32_t version, const void *from, uint32_t size_from, void *to) {
    (void)version, (void)from, (void)size_from, (void)to;
    return STATUS_UNSUPPORTED; // there was none before this one
}

uint32_t firmware_keep(struct firmware_call *call, const struct reply *reply) {
    struct state *state = &call->firmware->state;
    state_set(state, &call->own->seq, call->seq);
    state_set(state, &call->own->flags, reply->flags);
    state_set(state, &call->own->word[0], reply->word[0]);
    state_set(state, &call->own->word[1], reply->word[1]);
    return FIRMWARE_COMMIT;
}
