// One guest, one server that answers its exits: where the tests of answers begin.
#pragma once

#include "tests/unit/kernel/world.h"

#define FRAME 3    // a slot of the server's: guest memory, for all
#define FRAME_RO 4 // the same, for reading
#define FRAME_SIZE (4ull << 30)

extern struct server server;
extern struct guest guest;
extern struct vcpu *vcpu; // of the guest; it runs

int answers_begin(void **state); // a cmocka fixture

// The vCPU exits, and the server answers. Returns what runs then.
struct context *answer(enum exit_class c, uint64_t flags, const uint64_t *words);
struct context *effect(uint64_t flags, const uint64_t *words); // to a STAGE2 exit, with REPLY_FLAGS

// NEXT is the vCPU, and the server waits.
void runs_on(const struct context *next);

// From now on exits of class C may be answered so.
void may(enum exit_class c, uint64_t flags, uint64_t write_mask);
