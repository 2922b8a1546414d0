#include "tests/unit/pc/pc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct message pc_call_record(uint64_t vm, uint64_t rax) {
    const uint64_t words[MESSAGE_WORDS] = {rax, 0x11, RDX, 0x33, 0x44, 0x55, 0x66, 0x77};
    return world_hypercall(vm, 0, words);
}

struct reply pc_call(uint64_t rax) {
    struct message record = pc_call_record(0, rax);
    struct reply reply = world_serve(&record);
    if (reply.flags == REPLY_HYPERCALL) {
        assert_int_equal(reply.word[1], RDX);
    }
    return reply;
}

struct message pc_port_record(uint64_t vm, unsigned flags, unsigned port, unsigned size,
                              uint64_t rax) {
    const uint64_t words[MESSAGE_WORDS] = {(uint64_t)port << 16 | size << 4 | flags, rax,
                                           PORT_LENGTH};
    struct message record = world_hypercall(vm, 0, words);
    record.info = (record.info & ~UINT64_C(0xff)) | EXIT_IO;
    return record;
}

uint64_t pc_in(unsigned port, unsigned size, uint64_t rax) {
    struct message record = pc_port_record(0, 1, port, size, rax);
    struct reply reply = world_serve(&record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(0));
    assert_true(reply.word[6] == 0 || reply.word[6] == PORT_LENGTH); // 0: the usual
    return reply.word[0];
}

void pc_out(unsigned port, unsigned size, uint64_t rax) {
    struct message record = pc_port_record(0, 0, port, size, rax);
    struct reply reply = world_serve(&record);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE);
    assert_int_equal(reply.word[6], 0);
}
