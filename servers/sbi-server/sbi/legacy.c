// Chapter 5: the legacy extensions, one for each function. They return in a0 only, so a1 is given
// back as it came. The masks of harts, pointers into the guest's virtual memory, are not read:
// where a hart list is asked for, all harts are taken. A fence too many is never wrong, and a
// software interrupt that nobody sent is one that software must expect anyway.
#include "servers/sbi-server/console.h"
#include "servers/sbi-server/sbi/harts.h"
#include "servers/sbi-server/sbi/ipi.h"
#include "servers/sbi-server/sbi/quick.h"

void sbi_quick_legacy_set_timer(uint64_t time, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                                uint64_t a5, uint64_t fid, uint64_t eid) {
    (void)a2, (void)a3, (void)a4, (void)a5, (void)fid, (void)eid;
    rt_reply_hypercall_deadline(SBI_SUCCESS, a1, time);
}

// The answer that changes a0 only.
static uint32_t legacy_return(const struct firmware_call *call, struct reply *reply,
                              uint64_t value) {
    reply->flags = REPLY_HYPERCALL;
    reply->word[0] = value;
    reply->word[1] = call->argument[1];
    return 0;
}

static uint32_t legacy_return_with(const struct firmware_call *call, struct reply *reply,
                                   uint64_t flags) {
    legacy_return(call, reply, SBI_SUCCESS);
    reply->flags = REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE | flags;
    return 0;
}

static uint32_t console_putchar(struct firmware_call *call, struct reply *reply) {
    uint8_t byte = (uint8_t)call->argument[0];
    if (!call->vm->out) {
        return legacy_return(call, reply, SBI_SUCCESS); // without a console it is thrown away
    }
    if (console_room(call) == 0) {
        legacy_return(call, reply, (uint64_t)SBI_ERR_FAILED);
        return console_full(call);
    }
    legacy_return(call, reply, SBI_SUCCESS);
    return console_write(call, &byte, 1) | firmware_keep(call, reply);
}

static uint32_t console_getchar(struct firmware_call *call, struct reply *reply) {
    uint8_t byte;
    if (console_waiting(call) == 0) {
        return legacy_return(call, reply, (uint64_t)SBI_ERR_FAILED);
    }
    uint32_t todo = console_read(call, &byte, 1);
    legacy_return(call, reply, byte);
    return todo | firmware_keep(call, reply);
}

static uint32_t clear_ipi(struct firmware_call *call, struct reply *reply) {
    return legacy_return_with(call, reply, REPLY_CLEAR | REPLY_INTERRUPT(INTERRUPT_SOFTWARE));
}

static uint32_t send_ipi(struct firmware_call *call, struct reply *reply) {
    legacy_return_with(call, reply, 0);
    ipi_raise(call, harts_all(call->vm), reply);
    return 0;
}

static uint32_t fence(struct firmware_call *call, struct reply *reply) {
    reply->word[4] = harts_all(call->vm);
    return legacy_return_with(call, reply, REPLY_FENCE);
}

static uint32_t shut_down(struct firmware_call *call, struct reply *reply) {
    return firmware_end(call, reply, VM_END_SHUTDOWN, SBI_REASON_NONE);
}

// set_timer is answered by its quick function.
static firmware_function *const functions[] = {
    [SBI_LEGACY_PUTCHAR] = console_putchar, [SBI_LEGACY_GETCHAR] = console_getchar,
    [SBI_LEGACY_CLEAR_IPI] = clear_ipi,     [SBI_LEGACY_SEND_IPI] = send_ipi,
    [SBI_LEGACY_FENCE_I] = fence,           [SBI_LEGACY_SFENCE] = fence,
    [SBI_LEGACY_SFENCE_ASID] = fence,       [SBI_LEGACY_SHUTDOWN] = shut_down,
};

const struct sbi_extension sbi_legacy = {functions, sizeof(functions) / sizeof(functions[0]), true};
