#include "tests/unit/psci/psci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct message psci_record(uint64_t vm, unsigned vcpu, uint64_t id, uint64_t x1, uint64_t x2,
                           uint64_t x3) {
    const uint64_t words[MESSAGE_WORDS] = {id, x1, x2, x3, 0x44, 0x55, 0x66, 0x77};
    return world_hypercall(vm, vcpu, words);
}

struct reply psci_call_from(uint64_t vm, unsigned vcpu, uint64_t id, uint64_t x1, uint64_t x2,
                            uint64_t x3) {
    struct message record = psci_record(vm, vcpu, id, x1, x2, x3);
    struct reply reply = world_serve(&record);
    if (reply.flags == REPLY_HYPERCALL || (reply.flags & REPLY_RESULT)) {
        assert_int_equal(reply.word[1], x1);
    }
    return reply;
}

struct reply psci_call(uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3) {
    return psci_call_from(0, 0, id, x1, x2, x3);
}

void psci_expect(int64_t value, uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3) {
    struct reply reply = psci_call(id, x1, x2, x3);
    assert_int_equal(reply.flags, REPLY_HYPERCALL);
    assert_int_equal(reply.word[0], value);
}
