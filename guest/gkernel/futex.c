#include "guest/gkernel/futex.h"

#include <errno.h>
#include <stddef.h>

#include "guest/gkernel/process.h"
#include "guest/gkernel/sched.h"
#include "guest/gkernel/user_memory.h"
#include "guest/gkernel/wait.h"

// Who waits for any word waits here, and is told apart by space and address.
static struct wait_queue queue;

static bool waits_for(const struct thread *thread, const struct space *space, uint64_t address) {
    return thread->futex == address && thread->process->space == space;
}

int64_t futex_wait(struct space *space, uint64_t address, uint32_t expected, uint64_t until) {
    uint32_t word;
    if (address % sizeof(word) != 0)
        return -EINVAL;
    if (!user_read(space, &word, address, sizeof(word)))
        return -EFAULT;
    if (word != expected)
        return -EAGAIN;
    sched_current()->futex = address;
    switch (wait_in(&queue, until)) {
    case WAIT_WOKEN:
        return 0;
    case WAIT_TIMED_OUT:
        return -ETIMEDOUT;
    default:
        return -EINTR;
    }
}

unsigned futex_requeue(struct space *space, uint64_t address, unsigned wake, unsigned move,
                       uint64_t other) {
    unsigned woken = 0, moved = 0;
    for (struct thread *thread = queue.first, *next; thread != NULL; thread = next) {
        next = thread->next_waiting;
        if (!waits_for(thread, space, address))
            continue;
        if (woken < wake) {
            wait_finish(thread, WAIT_WOKEN);
            woken++;
        } else if (moved < move) {
            thread->futex = other;
            moved++;
        } else {
            break;
        }
    }
    return woken + moved;
}

unsigned futex_wake(struct space *space, uint64_t address, unsigned count) {
    return futex_requeue(space, address, count, 0, 0);
}
