// A server's state region (ipc/state.h) and changes to it that happen as a whole or not at all.
//
// What is in a slot is an array of 64-bit words; the server lays a struct of uint64_t over it. A
// change is made of state_set calls and ends in state_commit: until then state_current shows what
// was, from then on what is, and a server that dies at any instruction in between leaves one or the
// other. The spare slot always equals the active one when no change is under way, so that a commit
// writes only the words it changes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/state.h"
#include "ipc/status.h"

// Words that one change sets without having to copy the whole slot afterwards.
#define STATE_CHANGES 16

struct state {
    struct state_header *header;
    const uint8_t *current; // the active slot
    uint8_t *spare;
    uint32_t slot_size;
    uint32_t changes; // words set since the last commit
    uint32_t change[STATE_CHANGES];
    bool fresh; // state_open found none and began it
};

// What makes a slot for this version of a server: VERSION of the layout inside of it, SIZE bytes (a
// multiple of 8). Versions count from the first release on: until then what version 1 is may
// change.
struct state_layout {
    const char *owner; // the server's name
    uint32_t version;  // at least 1
    uint32_t size;
    const void *initial; // the first contents, SIZE bytes; NULL: zeros
    // Makes TO, SIZE bytes that arrive as zeros, from the SIZE_FROM bytes at FROM that VERSION
    // left. NULL: no older version is understood. UNSUPPORTED, CORRUPT: that one can't be.
    enum status (*migrate)(uint32_t version, const void *from, uint32_t size_from, void *to);
};

// Takes over the state in the SIZE bytes at REGION (aligned to 8), or begins it where there is
// none. An older version's is migrated, in one step that can't be seen half done; the region needs
// room for one more slot and header for that.
//
// UNSUPPORTED: a newer version wrote it, or one that can't be migrated. CORRUPT: the header
// contradicts itself or is another server's. NO_MEMORY: the region is too small. In all these cases
// the region is as it was.
NODISCARD enum status state_open(struct state *state, void *region, size_t size,
                                 const struct state_layout *layout);

// The state as last committed. The address changes with each commit.
static inline const void *state_current(const struct state *state) { return state->current; }

// Part of the next commit: the word at FIELD, an address inside of state_current, becomes VALUE.
static inline __attribute__((always_inline)) void state_set(struct state *state,
                                                            const uint64_t *field, uint64_t value) {
    uint32_t offset = (uint32_t)((const uint8_t *)field - state->current);
    *(uint64_t *)(void *)(state->spare + offset) = value;
    if (state->changes < STATE_CHANGES) {
        state->change[state->changes] = offset;
    }
    state->changes++;
}

// Everything set since the last commit is the state from one instruction to the next.
void state_commit(struct state *state);
