// Bytes into rings and out of them (ipc/ring.h), without their counters: who publishes these when
// is the caller's to say.
#pragma once

#include "ipc/ring.h"

// SIZE bytes, at most as many as can be written, as those from number AT on.
void bytes_put(struct ring *ring, uint64_t at, const uint8_t *bytes, uint64_t size);

// SIZE bytes, at most as many as can be read, from number AT on.
void bytes_get(const struct ring *ring, uint64_t at, uint8_t *bytes, uint64_t size);
