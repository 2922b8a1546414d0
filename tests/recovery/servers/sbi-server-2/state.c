// The migration from version 1, and what is written down with a call.
#include "servers/sbi-server/firmware.h"

enum status firmware_migrate(uint32_t version, const void *from, uint32_t size_from, void *to) {
    const struct firmware_state_1 *old = from;
    struct firmware_state *new = to;
    if (version != 1) {
        return STATUS_UNSUPPORTED;
    }
    if (size_from != sizeof(*old)) {
        return STATUS_CORRUPT;
    }
    new->migrated = version;
    for (uint32_t i = 0; i < FIRMWARE_VMS; i++) {
        new->console[i].head = old->console[i].head;
        new->console[i].tail = old->console[i].tail;
        new->console[i].uart = old->console[i].uart;
    }
    for (uint32_t i = 0; i < FIRMWARE_VCPUS; i++) {
        new->vcpu[i] = (struct firmware_vcpu_state){
            .power = old->vcpu[i].power,
            .word = {old->vcpu[i].word[0], old->vcpu[i].word[1]},
            .flags = old->vcpu[i].flags,
            .seq = old->vcpu[i].seq,
        };
    }
    return STATUS_OK;
}

uint32_t firmware_keep(struct firmware_call *call, const struct reply *reply) {
    struct state *state = &call->firmware->state;
    // A hart's start that the core refuses is kept twice, and is one call.
    if (call->own->seq != call->seq) {
        state_set(state, &call->own->calls, call->own->calls + 1);
    }
    state_set(state, &call->own->seq, call->seq);
    state_set(state, &call->own->flags, reply->flags);
    state_set(state, &call->own->word[0], reply->word[0]);
    state_set(state, &call->own->word[1], reply->word[1]);
    return FIRMWARE_COMMIT;
}
