// A server's state region: memory of init's that outlives the server. A versioned header and two
// slots; a commit writes the spare slot and then flips one word, so that at every instruction
// there is one whole state. A server that starts reads the header first: no magic means there is
// no state yet; a version above its own means that a newer server wrote it, which it must refuse.
#pragma once

#include <assert.h>
#include <stdint.h>

#define STATE_MAGIC 0x31455441545358u // "XSTATE1"
#define STATE_SLOTS_AT 64             // the first slot's offset; the second follows it

struct state_header {
    uint64_t magic;
    uint32_t version;   // of the layout inside of the slots, the server's own numbering
    uint32_t slot_size; // bytes, a multiple of 8
    uint64_t active;    // 0 or 1: the slot that counts
    char owner[24];     // the server's name
    uint64_t moved;     // not 0: the offset of a whole newer image, header and slot, which counts
    uint64_t reserved;
};

static_assert(sizeof(struct state_header) == STATE_SLOTS_AT, "the slots follow the header");
