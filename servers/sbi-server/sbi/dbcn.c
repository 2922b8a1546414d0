// Chapter 12: the debug console. Buffers are guest-physical and checked whole before anything is
// done. Writes and reads are partial where the ring's room, its content or a range of RAM ends.
#include "servers/sbi-server/console.h"
#include "servers/sbi-server/memory.h"
#include "servers/sbi-server/sbi/sbi.h"

static bool buffer_is_valid(const struct firmware_call *call, bool writing) {
    const uint64_t *argument = call->argument;
    // Nothing lies above what the low half of the address can say.
    return argument[2] == 0 && memory_check(call->vm, argument[1], argument[0], writing);
}

static uint32_t write(struct firmware_call *call, struct reply *reply) {
    uint64_t size = call->argument[0];
    if (!buffer_is_valid(call, false)) {
        return sbi_return(reply, SBI_ERR_INVALID_PARAM, 0);
    }
    if (size == 0) {
        return sbi_return(reply, SBI_SUCCESS, 0);
    }
    uint64_t room = console_room(call);
    if (room == 0) {
        sbi_return(reply, SBI_ERR_FAILED, 0);
        return console_full(call);
    }
    const uint8_t *bytes = memory_at(call->vm, call->argument[1], &size);
    size = size < room ? size : room;
    sbi_return(reply, SBI_SUCCESS, size);
    return console_write(call, bytes, size) | firmware_keep(call, reply);
}

static uint32_t read(struct firmware_call *call, struct reply *reply) {
    uint64_t size = call->argument[0];
    if (!buffer_is_valid(call, true)) {
        return sbi_return(reply, SBI_ERR_INVALID_PARAM, 0);
    }
    uint64_t waiting = console_waiting(call);
    if (size == 0 || waiting == 0) {
        return sbi_return(reply, SBI_SUCCESS, 0);
    }
    uint8_t *bytes = memory_at(call->vm, call->argument[1], &size);
    size = size < waiting ? size : waiting;
    sbi_return(reply, SBI_SUCCESS, size);
    return console_read(call, bytes, size) | firmware_keep(call, reply);
}

static uint32_t write_byte(struct firmware_call *call, struct reply *reply) {
    uint8_t byte = (uint8_t)call->argument[0];
    if (console_room(call) == 0) {
        sbi_return(reply, SBI_ERR_FAILED, 0);
        return console_full(call);
    }
    sbi_return(reply, SBI_SUCCESS, 0);
    return console_write(call, &byte, 1) | firmware_keep(call, reply);
}

static firmware_function *const functions[SBI_DBCN_COUNT] = {
    [SBI_DBCN_WRITE] = write,
    [SBI_DBCN_READ] = read,
    [SBI_DBCN_WRITE_BYTE] = write_byte,
};

const struct sbi_extension sbi_dbcn = {functions, SBI_DBCN_COUNT, false};
