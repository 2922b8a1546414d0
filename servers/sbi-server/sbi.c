#include "servers/sbi-server/sbi.h"

bool sbi_begin(struct sbi *sbi, const struct message *record, struct sbi_call *call) {
    uint32_t vcpu = MESSAGE_VCPU(record->info);
    uint32_t found = record->badge < SBI_NUMBERS ? sbi->place[record->badge] : 0;
    if (found == 0 || vcpu >= sbi->vm[found - 1].vcpus) {
        return false;
    }
    const struct sbi_vm *vm = &sbi->vm[found - 1];
    const struct sbi_state *state = state_current(&sbi->state);
    *call = (struct sbi_call){
        .sbi = sbi,
        .vm = vm,
        .state = state,
        .own = &state->vcpu[vm->first + vcpu],
        .argument = record->word,
        .seq = record->seq,
        .place = found - 1,
        .vcpu = vcpu,
    };
    return true;
}

void sbi_fill_start(const struct sbi_call *call, struct reply *reply) {
    reply->word[2] = call->argument[0]; // hart
    reply->word[3] = call->argument[1]; // address
    reply->word[4] = call->argument[2]; // opaque
}

// The answer that was given, or was about to be given, when this call came before.
static uint32_t answer_again(const struct sbi_call *call, struct reply *reply) {
    reply->flags = call->own->flags;
    reply->word[0] = call->own->word[0];
    reply->word[1] = call->own->word[1];
    if (reply->flags & REPLY_START) {
        sbi_fill_start(call, reply);
    }
    return 0;
}

uint32_t sbi_handle(struct sbi_call *call, struct reply *reply) {
    if (call->own->seq == call->seq) {
        return answer_again(call, reply);
    }
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
