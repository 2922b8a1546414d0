// futex(2): threads wait for a word in memory to change, those of one process or of several that
// share the memory. Interrupts are off.
#pragma once

#include <stdint.h>

#include "guest/gkernel/space.h"

// If the word still is `expected`, waits until it is woken, or timer_now() comes to `until`.
// Returns 0 or a negative errno: EAGAIN, ETIMEDOUT, EINTR, EFAULT, EINVAL (not aligned).
int64_t futex_wait(struct space *space, uint64_t address, uint32_t expected, uint64_t until);

// Wakes `count` at most of those that wait there. Returns how many.
unsigned futex_wake(struct space *space, uint64_t address, unsigned count);

// Wakes `wake` of them, and has `move` of the others wait at `other` instead. Returns how many in
// all.
unsigned futex_requeue(struct space *space, uint64_t address, unsigned wake, unsigned move,
                       uint64_t other);
