#include "guest/gkernel/process.h"

#include <errno.h>
#include <stddef.h>

#include "guest/gkernel/console.h"
#include "guest/gkernel/futex.h"
#include "guest/gkernel/sched.h"
#include "guest/gkernel/timer.h"
#include "guest/gkernel/user_memory.h"
#include "guest/lib/string.h"

#define ALL (~0u)

static struct process kernel;
static struct process processes[PROCESS_MAX];

struct process *process_kernel(void) { return &kernel; }

struct process *process_current(void) { return sched_current()->process; }

void process_init(void) {
    kernel = (struct process){.state = PROCESS_ALIVE, .name = "kernel"};
    sched_init(thread_init(&kernel));
}

struct process *process_find(int pid) {
    for (unsigned i = 0; i < PROCESS_MAX; i++) {
        if (processes[i].state != PROCESS_NONE && processes[i].pid == pid)
            return &processes[i];
    }
    return NULL;
}

void process_set_name(struct process *process, const char *name) {
    size_t length = strlen(name);
    if (length >= sizeof(process->name))
        length = sizeof(process->name) - 1;
    memcpy(process->name, name, length);
    process->name[length] = '\0';
}

static struct process *find_slot(void) {
    for (unsigned i = 0; i < PROCESS_MAX; i++) {
        if (processes[i].state == PROCESS_NONE)
            return &processes[i];
    }
    return NULL;
}

struct process *process_create(struct process *parent, const char *name, struct space *space,
                               struct thread **first) {
    struct process *process = find_slot();
    if (process == NULL)
        return NULL;
    *process = (struct process){.parent = parent, .space = space, .started = timer_now()};
    struct thread *thread = thread_create(process);
    if (thread == NULL)
        return NULL;
    process->state = PROCESS_ALIVE;
    process->pid = thread->id;
    process_set_name(process, name);
    file_table_init(&process->files);
    *first = thread;
    return process;
}

static void add_usage(struct process_usage *sum, const struct process_usage *usage) {
    sum->time += usage->time;
    sum->given_up += usage->given_up;
    sum->taken_away += usage->taken_away;
    sum->faults += usage->faults;
}

struct process_usage process_thread_usage(const struct thread *thread) {
    return (struct process_usage){
        .time = sched_time(thread),
        .given_up = thread->given_up,
        .taken_away = thread->taken_away,
    };
}

static void add_thread(struct thread *thread, void *sum) {
    const struct process_usage usage = process_thread_usage(thread);
    add_usage(sum, &usage);
}

struct process_usage process_usage(const struct process *process) {
    struct process_usage usage = process->usage;
    thread_each(process, add_thread, &usage);
    return usage;
}

// Its children are the kernel's from now on, which takes care of those that have ended.
static void give_children_away(struct process *process) {
    for (unsigned i = 0; i < PROCESS_MAX; i++) {
        struct process *child = &processes[i];
        if (child->state == PROCESS_NONE || child->parent != process)
            continue;
        child->parent = &kernel;
        if (child->state == PROCESS_ZOMBIE)
            wait_wake(&kernel.child_ended, ALL);
    }
}

static void become_zombie(struct process *process) {
    if (process->is_program)
        printk("[SYS_EXIT]: process is exiting ..\n");
    struct space *space = process->space;
    process->space = NULL;
    space_activate(NULL);
    space_release(space);
    give_children_away(process);
    process->state = PROCESS_ZOMBIE;
    wait_wake(&process->parent->child_ended, ALL);
}

// pthread_join() and the like wait for the word at clear_id (set_tid_address(2)).
static void tell_who_joins(const struct thread *thread) {
    static const int ended = 0;
    struct space *space = thread->process->space;
    // The last one has nobody left to tell, and may not be able to pay for a copy of the page.
    if (thread->process->threads == 1 || thread->clear_id == 0 ||
        !user_write(space, thread->clear_id, &ended, sizeof(ended)))
        return;
    futex_wake(space, thread->clear_id, 1);
}

_Noreturn void process_exit_thread(int status) {
    struct thread *self = sched_current();
    struct process *process = self->process;
    tell_who_joins(self);
    process->threads--;
    if (process->threads == 0) {
        if (!process->exiting)
            process->status = status;
        become_zombie(process);
    }
    wait_wake(&process->thread_ended, ALL);
    // All that its end took is its own. It is no longer counted with the living: nobody else runs
    // before it is gone.
    add_thread(self, &process->usage);
    thread_end();
}

static void kill_other(struct thread *thread, void *self) {
    if (thread != self)
        thread_kill(thread);
}

_Noreturn void process_exit(int status) {
    struct process *process = process_current();
    process_kill(process, status);
    process_exit_thread(status);
}

void process_kill(struct process *process, int status) {
    if (process->state != PROCESS_ALIVE || process->exiting)
        return;
    process->exiting = true;
    process->status = status;
    thread_each(process, kill_other, NULL);
}

bool process_end_other_threads(void) {
    struct thread *self = sched_current();
    struct process *process = self->process;
    thread_each(process, kill_other, self);
    while (process->threads > 1) {
        if (wait_in(&process->thread_ended, WAIT_FOREVER) == WAIT_KILLED)
            return false;
    }
    return true;
}

// The child has ended and was waited for: nobody can ask for it again.
static void free_child(struct process *parent, struct process *child) {
    add_usage(&parent->children, &child->usage);
    add_usage(&parent->children, &child->children);
    child->state = PROCESS_NONE;
}

// NULL and *any when there are children, but none has ended.
static struct process *ended_child(const struct process *parent, int pid, bool *any) {
    *any = false;
    for (unsigned i = 0; i < PROCESS_MAX; i++) {
        struct process *child = &processes[i];
        if (child->state == PROCESS_NONE || child->parent != parent ||
            (pid != -1 && child->pid != pid))
            continue;
        *any = true;
        if (child->state == PROCESS_ZOMBIE)
            return child;
    }
    return NULL;
}

int process_wait(struct process *parent, int pid, bool block, int *status,
                 struct process_usage *usage) {
    for (;;) {
        bool any;
        struct process *child = ended_child(parent, pid, &any);
        if (child != NULL) {
            *status = child->status;
            *usage = child->usage;
            add_usage(usage, &child->children);
            free_child(parent, child);
            return child->pid;
        }
        if (!any)
            return -ECHILD;
        if (!block)
            return 0;
        if (wait_in(&parent->child_ended, WAIT_FOREVER) == WAIT_KILLED)
            return -EINTR;
    }
}
