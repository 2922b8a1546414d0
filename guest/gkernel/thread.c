#include "guest/gkernel/thread.h"

#include <stddef.h>

#include "guest/cpu.h"
#include "guest/gkernel/kernel_stack.h"
#include "guest/gkernel/panic.h"
#include "guest/gkernel/process.h"
#include "guest/gkernel/sched.h"
#include "guest/gkernel/wait.h"
#include "guest/trap.h"

static struct thread threads[THREAD_MAX];
static int last_id;

// A process keeps its id, which was its first thread's, until somebody has waited for it.
static bool id_is_free(int id) { return thread_find(id) == NULL && process_find(id) == NULL; }

// The next one, so that an id is not used again soon. 0 when all are in use.
static int new_id(void) {
    for (int tried = 1; tried < THREAD_IDS; tried++) {
        last_id = last_id + 1 < THREAD_IDS ? last_id + 1 : 1;
        if (id_is_free(last_id))
            return last_id;
    }
    return 0;
}

struct thread *thread_find(int id) {
    for (unsigned i = 0; i < THREAD_MAX; i++) {
        if (threads[i].state != THREAD_NONE && threads[i].id == id)
            return &threads[i];
    }
    return NULL;
}

struct thread *thread_init(struct process *kernel) {
    struct thread *first = &threads[0];
    *first = (struct thread){.state = THREAD_READY, .process = kernel};
    cfs_entity_init(&first->cfs, 0);
    kernel->threads = 1;
    return first;
}

// Where a new thread is on its kernel stack for the first time.
static void begin(void) {
    struct thread *self = sched_current();
    // One that was killed before it ever ran must not come to user mode: there it could make a
    // thread that nobody has told to end.
    if (self->killed)
        process_exit_thread(self->process->status);
    if (self->kernel_main == NULL)
        trap_enter_user(trap_user_frame(self->kernel_stack));
    cpu_interrupts_on();
    self->kernel_main();
    cpu_interrupts_off();
    process_exit_thread(0);
}

static struct thread *find_slot(void) {
    for (unsigned i = 0; i < THREAD_MAX; i++) {
        if (threads[i].state == THREAD_NONE)
            return &threads[i];
    }
    return NULL;
}

struct thread *thread_create(struct process *process) {
    struct thread *thread = find_slot();
    if (thread == NULL)
        return NULL;
    void *stack = kernel_stack((unsigned)(thread - threads));
    const int id = new_id();
    if (stack == NULL || id == 0)
        return NULL;
    const int nice = sched_current()->nice;
    *thread = (struct thread){
        .state = THREAD_BLOCKED,
        .id = id,
        .nice = nice,
        .process = process,
        .kernel_stack = stack,
        // Below the place of user mode's registers.
        .stack_pointer = cpu_new_stack(trap_user_frame(stack), begin),
    };
    cfs_entity_init(&thread->cfs, nice);
    process->threads++;
    return thread;
}

bool thread_start_kernel(int nice, void (*main)(void)) {
    struct thread *thread = thread_create(process_kernel());
    if (thread == NULL)
        return false;
    thread->kernel_main = main;
    sched_set_nice(thread, nice);
    sched_start(thread);
    return true;
}

_Noreturn void thread_end(void) {
    struct thread *self = sched_current();
    // The slot, and with it the stack that this still runs on, can be taken by nobody before
    // another thread runs.
    self->state = THREAD_NONE;
    sched_block();
    panic("thread %d ran after its end", self->id);
}

void thread_kill(struct thread *thread) {
    thread->killed = true;
    wait_finish(thread, WAIT_KILLED);
}

void thread_each(const struct process *process, void (*function)(struct thread *, void *),
                 void *context) {
    for (unsigned i = 0; i < THREAD_MAX; i++) {
        if (threads[i].state != THREAD_NONE && threads[i].process == process)
            function(&threads[i], context);
    }
}
