// Waiting: for an event, with or without a limit of time. Who waits first is woken first.
// Interrupts are off in every function.
#pragma once

#include <stdint.h>

#include "guest/gkernel/thread.h"

struct wait_queue {
    struct thread *first;
};

#define WAIT_FOREVER UINT64_MAX

// Blocks the running thread until it is woken, until timer_now() has come to `until`, or until it
// is killed. `queue` is NULL for who waits for the time alone.
enum wait_end wait_in(struct wait_queue *queue, uint64_t until);

// Wakes the first `count` that wait. Returns how many there were.
unsigned wait_wake(struct wait_queue *queue, unsigned count);

// Ends one thread's waiting, wherever it waits; nothing happens to one that does not.
void wait_finish(struct thread *thread, enum wait_end end);
