#include "guest/gkernel/sched.h"

#include <stddef.h>

#include "guest/cpu.h"
#include "guest/gkernel/process.h"
#include "guest/gkernel/timer.h"
#include "guest/trap.h"

#define IDLE_STACK_SIZE 4096

static _Alignas(16) uint8_t idle_stack[IDLE_STACK_SIZE];

// Runs when nobody else can; it is never in the queue.
static struct thread idle;
static struct thread *current;
static struct cfs_queue queue;
static bool due; // somebody else should run

struct thread *sched_current(void) { return current; }

static struct thread *thread_of(struct cfs_entity *entity) {
    return (struct thread *)((char *)entity - offsetof(struct thread, cfs));
}

static struct trap_frame *user_frame(const struct thread *thread) {
    const bool has_user_mode = thread->kernel_stack != NULL && thread->kernel_main == NULL;
    return has_user_mode ? trap_user_frame(thread->kernel_stack) : NULL;
}

// Comes back when it is this thread's turn again.
static void switch_to(struct thread *to) {
    struct thread *from = current;
    due = false;
    if (to == from)
        return;
    current = to;
    if (to == &idle || from == &idle)
        timer_set_tick(to != &idle);
    if (to->process->space != from->process->space)
        space_activate(to->process->space);
    trap_switch(user_frame(from), user_frame(to));
    cpu_switch(&from->stack_pointer, to->stack_pointer);
}

static struct thread *pick(uint64_t now) {
    struct cfs_entity *picked = cfs_pick(&queue, now);
    return picked != NULL ? thread_of(picked) : &idle;
}

static void idle_loop(void) {
    for (;;) {
        switch_to(pick(timer_now()));
        cpu_wait();
        // What is pending is taken between these two.
        cpu_interrupts_on();
        cpu_interrupts_off();
    }
}

void sched_init(struct thread *first) {
    current = first;
    first->cfs.run_since = timer_now();
    idle = (struct thread){.state = THREAD_READY, .id = -1, .process = process_kernel()};
    idle.stack_pointer = cpu_new_stack(idle_stack + IDLE_STACK_SIZE, idle_loop);
    timer_set_tick(true);
}

void sched_start(struct thread *thread) {
    thread->state = THREAD_READY;
    cfs_account(&queue, &current->cfs, timer_now());
    cfs_place_new(&queue, &current->cfs, &thread->cfs);
    cfs_enqueue(&queue, &thread->cfs);
}

void sched_block(void) {
    const uint64_t now = timer_now();
    cfs_account(&queue, &current->cfs, now);
    current->given_up++;
    switch_to(pick(now));
}

void sched_wake(struct thread *thread) {
    thread->state = THREAD_READY;
    cfs_place_woken(&queue, &thread->cfs);
    cfs_enqueue(&queue, &thread->cfs);
    if (current == &idle) {
        due = true;
        return;
    }
    cfs_account(&queue, &current->cfs, timer_now());
    due = due || cfs_should_yield_to(&current->cfs, &thread->cfs);
}

void sched_yield_cpu(void) {
    const uint64_t now = timer_now();
    cfs_account(&queue, &current->cfs, now);
    if (queue.first == NULL)
        return;
    struct thread *next = pick(now);
    cfs_enqueue(&queue, &current->cfs);
    current->given_up++;
    switch_to(next);
}

void sched_set_nice(struct thread *thread, int nice) {
    thread->nice = nice;
    const bool queued = thread->state == THREAD_READY && thread != current;
    if (queued)
        cfs_dequeue(&queue, &thread->cfs);
    else if (thread == current)
        cfs_account(&queue, &thread->cfs, timer_now());
    cfs_set_nice(&thread->cfs, nice);
    if (queued)
        cfs_enqueue(&queue, &thread->cfs);
}

uint64_t sched_time(const struct thread *thread) {
    const uint64_t running = thread == current ? timer_now() - thread->cfs.run_since : 0;
    return thread->cfs.ran + running;
}

void sched_tick(void) {
    if (current == &idle)
        return;
    cfs_account(&queue, &current->cfs, timer_now());
    due = due || cfs_should_preempt(&queue, &current->cfs);
}

void sched_preempt(void) {
    if (!due)
        return;
    const uint64_t now = timer_now();
    if (current != &idle) {
        cfs_account(&queue, &current->cfs, now);
        cfs_enqueue(&queue, &current->cfs);
    }
    struct thread *from = current;
    struct thread *to = pick(now);
    from->taken_away += to != from;
    switch_to(to);
}
