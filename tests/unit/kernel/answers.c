#include "tests/unit/kernel/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct server server;
struct guest guest;
struct vcpu *vcpu;

int answers_begin(void **state) {
    world_begin(state);
    server_make(&server, 0, 7);
    guest_make(&guest, &server, 1);
    // Memory that is aligned as the largest page is.
    uint64_t offset = (8ull << 30) - world.init->cap[INIT_SLOT_HIGH].base;
    server_grant(&server, FRAME, INIT_SLOT_HIGH, RIGHT_R | RIGHT_W | RIGHT_X, offset, FRAME_SIZE);
    server_grant(&server, FRAME_RO, INIT_SLOT_HIGH, RIGHT_R, offset, FRAME_SIZE);
    vcpu = guest.vcpu[0];
    world_sleep();
    world_enter(vcpu);
    return 0;
}

struct context *answer(enum exit_class c, uint64_t flags, const uint64_t *words) {
    world_exit(vcpu, c, WORDS(1, 2, 3, 4));
    return world_reply(server.task, flags, words);
}

struct context *effect(uint64_t flags, const uint64_t *words) {
    return answer(EXIT_STAGE2, REPLY_FLAGS | flags, words);
}

void runs_on(const struct context *next) {
    assert_ptr_equal(next, &vcpu->context);
    assert_int_equal(vcpu->state, VCPU_RUNNABLE);
    assert_int_equal(server.task->state, TASK_WAITING);
}

void may(enum exit_class c, uint64_t flags, uint64_t write_mask) {
    guest_route(&guest, 0, c, server.portal_slot, 1, flags, write_mask, 0);
    world_sleep();
}
