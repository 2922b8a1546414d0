#include "guest/gkernel/futex.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "guest/gkernel/page.h"
#include "guest/gkernel/process.h"
#include "guest/gkernel/sched.h"
#include "guest/gkernel/user_memory.h"
#include "guest/gkernel/wait.h"

// Who waits for any word waits here, and is told apart by the word.
static struct wait_queue queue;

// A word in memory that processes share is the same for all of them, whatever its address; one in
// private memory is its space's, also when a copy-on-write moves it.
static struct futex word_at(struct space *space, uint64_t address) {
    const struct space_region *region = region_find(space, address);
    const void *word = NULL;
    if (region != NULL && region->shared)
        word = user_pointer(space, address, MMU_READ);
    return word != NULL ? (struct futex){NULL, (uint64_t)(uintptr_t)word}
                        : (struct futex){space, address};
}

// The page of a shared word stays that while somebody waits for it, even if its last process gives
// it back: who gets the page next must not meet a thread there that takes its wake-ups.
static struct phys page_of(struct futex word) {
    return mmu_physical((const void *)(uintptr_t)(word.address & ~(PAGE_SIZE - 1)));
}

static void hold(struct futex word) {
    if (word.space == NULL)
        page_share(page_of(word));
}

static void let_go(struct futex word) {
    if (word.space == NULL)
        page_free(page_of(word));
}

static bool waits_for(const struct thread *thread, struct futex word) {
    return thread->futex.space == word.space && thread->futex.address == word.address;
}

int64_t futex_wait(struct space *space, uint64_t address, uint32_t expected, uint64_t until) {
    uint32_t word;
    if (address % sizeof(word) != 0)
        return -EINVAL;
    if (!user_read(space, &word, address, sizeof(word)))
        return -EFAULT;
    if (word != expected)
        return -EAGAIN;
    struct thread *self = sched_current();
    self->futex = word_at(space, address);
    hold(self->futex);
    const enum wait_end end = wait_in(&queue, until);
    let_go(self->futex); // which may be another by now
    switch (end) {
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
    const struct futex from = word_at(space, address), to = word_at(space, other);
    unsigned woken = 0, moved = 0;
    for (struct thread *thread = queue.first, *next; thread != NULL; thread = next) {
        next = thread->next_waiting;
        if (!waits_for(thread, from))
            continue;
        if (woken < wake) {
            wait_finish(thread, WAIT_WOKEN);
            woken++;
        } else if (moved < move) {
            hold(to);
            let_go(thread->futex);
            thread->futex = to;
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
