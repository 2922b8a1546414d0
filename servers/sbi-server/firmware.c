#include "servers/sbi-server/firmware.h"

bool firmware_begin(struct firmware *firmware, const struct message *record,
                    struct firmware_call *call) {
    uint32_t vcpu = MESSAGE_VCPU(record->info);
    uint32_t found = record->badge < FIRMWARE_NUMBERS ? firmware->place[record->badge] : 0;
    if (found == 0 || vcpu >= firmware->vm[found - 1].vcpus) {
        return false;
    }
    const struct firmware_vm *vm = &firmware->vm[found - 1];
    const struct firmware_state *state = state_current(&firmware->state);
    *call = (struct firmware_call){
        .firmware = firmware,
        .vm = vm,
        .state = state,
        .own = &state->vcpu[vm->first + vcpu],
        .argument = record->word,
        .seq = record->seq,
        .place = found - 1,
        .vcpu = vcpu,
        .is_port = MESSAGE_CLASS(record->info) == EXIT_IO,
        .is_user = MESSAGE_MODE(record->info) == 0,
        .pc = record->pc,
    };
    return true;
}

// The answer that was given, or was about to be given, when this call came before.
static uint32_t answer_again(const struct firmware_call *call, struct reply *reply) {
    reply->flags = call->own->flags;
    reply->word[0] = call->own->word[0];
    reply->word[1] = call->own->word[1];
    if (reply->flags & REPLY_START) {
        firmware_fill_start(call, reply);
    }
    return 0;
}

uint32_t firmware_handle(struct firmware_call *call, struct reply *reply) {
    if (call->own->seq == call->seq) {
        return answer_again(call, reply);
    }
    return call->is_port ? firmware_port(call, reply) : firmware_answer(call, reply);
}

uint32_t firmware_end(struct firmware_call *call, struct reply *reply, enum vm_end end,
                      uint64_t reason) {
    call->end = end;
    call->reason = reason;
    reply->flags = REPLY_FLAGS | REPLY_STOP;
    return FIRMWARE_END;
}

uint32_t firmware_report(struct firmware_call *call, struct reply *reply, enum report_cause cause,
                         uint64_t detail0, uint64_t detail1) {
    call->cause = cause;
    call->detail[0] = detail0;
    call->detail[1] = detail1;
    reply->flags = REPLY_FLAGS | REPLY_STOP;
    return FIRMWARE_REPORT;
}
