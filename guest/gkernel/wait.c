#include "guest/gkernel/wait.h"

#include <stddef.h>

#include "guest/gkernel/sched.h"
#include "guest/gkernel/timer.h"

static void append(struct wait_queue *queue, struct thread *thread) {
    struct thread **at = &queue->first;
    while (*at != NULL)
        at = &(*at)->next_waiting;
    thread->next_waiting = NULL;
    thread->waits_in = queue;
    *at = thread;
}

static void take_out(struct thread *thread) {
    if (thread->waits_in == NULL)
        return;
    struct thread **at = &thread->waits_in->first;
    while (*at != thread)
        at = &(*at)->next_waiting;
    *at = thread->next_waiting;
    thread->waits_in = NULL;
}

enum wait_end wait_in(struct wait_queue *queue, uint64_t until) {
    struct thread *self = sched_current();
    if (self->killed)
        return WAIT_KILLED;
    if (until <= timer_now())
        return WAIT_TIMED_OUT;
    if (queue != NULL)
        append(queue, self);
    self->wake_at = until;
    if (until != WAIT_FOREVER)
        timer_add_sleeper(self);
    self->state = THREAD_BLOCKED;
    sched_block();
    return self->wait_end;
}

void wait_finish(struct thread *thread, enum wait_end end) {
    if (thread->state != THREAD_BLOCKED)
        return;
    take_out(thread);
    timer_remove_sleeper(thread);
    thread->wait_end = end;
    sched_wake(thread);
}

unsigned wait_wake(struct wait_queue *queue, unsigned count) {
    unsigned woken = 0;
    for (; woken < count && queue->first != NULL; woken++)
        wait_finish(queue->first, WAIT_WOKEN);
    return woken;
}
