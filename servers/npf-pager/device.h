// Emulated devices. A model is a pair of pure functions over the device's state, a few words of the
// server's state region: a read or a write, at an offset, at a time.
#pragma once

#include <stdint.h>

#include "libs/state/state.h"

#define DEVICE_WORDS 8 // of state, for each device

struct device_model {
    const char *name; // `compatible` without the vendor and the comma
    uint64_t sizes;   // which sizes of access there are: a mask of 1, 2, 4, 8
    // The first state: WORD arrives zeroed. EPOCH: nanoseconds from 1970 to when the machine was
    // started.
    void (*reset)(uint64_t *word, uint64_t epoch);
    // WORD is the device's state as last committed; what the access changes of it becomes part of
    // STATE's next commit. OFFSET is into the registers, a multiple of the access' size; NOW counts
    // nanoseconds since the machine was started. Reading twice must be the same as reading once,
    // later.
    uint64_t (*read)(struct state *state, const uint64_t *word, uint64_t offset, uint64_t now);
    void (*write)(struct state *state, const uint64_t *word, uint64_t offset, uint64_t now,
                  uint64_t value);
};

// The model called NAME, or NULL.
const struct device_model *device_find(const char *name);
