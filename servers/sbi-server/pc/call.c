// The hypervisor's calls: RAX says which, and gets the answer; RDX, the other result register,
// stays what it was.
#include "servers/sbi-server/console.h"
#include "servers/sbi-server/pc/pc.h"
#include "servers/sbi-server/version.h"

const int64_t firmware_start_failed = -1;
const bool firmware_has_console = true;

enum { WORD_RAX, WORD_RDX = 2 };

static uint32_t pc_return(const struct firmware_call *call, struct reply *reply, uint64_t value) {
    return firmware_return(reply, value, call->argument[WORD_RDX]);
}

static uint32_t put_character(struct firmware_call *call, struct reply *reply) {
    const uint8_t byte = (uint8_t)(call->argument[WORD_RAX] >> 8);
    if (!call->vm->out) {
        return pc_return(call, reply, PC_DONE); // without a console it is thrown away
    }
    if (console_room(call) == 0) {
        pc_return(call, reply, PC_REFUSED);
        return console_full(call);
    }
    pc_return(call, reply, PC_DONE);
    return console_write(call, &byte, 1) | firmware_keep(call, reply);
}

// VMMCALL is open to the guest's user mode, for which there is no such instruction.
static uint32_t undefined(struct reply *reply) {
    reply->flags = REPLY_FLAGS | REPLY_INJECT;
    reply->word[0] = PC_UNDEFINED;
    return 0;
}

uint32_t firmware_answer(struct firmware_call *call, struct reply *reply) {
    const uint64_t function = call->argument[WORD_RAX];
    if (call->is_user) {
        return undefined(reply);
    }
    if (function == PC_OFF) {
        return firmware_end(call, reply, VM_END_CALL_OFF, 0);
    }
    if (function == PC_RESET) {
        return firmware_end(call, reply, VM_END_CALL_RESET, 0);
    }
    if ((function & 0xff) == PC_PUT_CHARACTER) {
        return put_character(call, reply);
    }
    return pc_return(call, reply, PC_REFUSED);
}

// What is refused needs no look at anything.
void rt_hypercall(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                  uint64_t a6, uint64_t a7) {
    const bool known = (a0 & 0xff) == PC_PUT_CHARACTER || a0 == PC_OFF || a0 == PC_RESET;
    if (__builtin_expect(known || MESSAGE_MODE(rt_record.info) == 0, 0)) {
        rt_handle_rest(a0, a1, a2, a3, a4, a5, a6, a7);
        return;
    }
    rt_reply_hypercall(PC_REFUSED, a2);
}

// No vCPU is started here: that is the interrupt controller's.
void firmware_fill_start(const struct firmware_call *call, struct reply *reply) {
    (void)call, (void)reply;
}

// Trapped registers are another server's; what comes here is as on a machine that does not have it.
void firmware_sysreg(const struct message *record, uint64_t now, struct reply *reply) {
    (void)record, (void)now;
    undefined(reply);
}
