#include "guest/gkernel/process.h"

#include <stddef.h>

#include "guest/cpu.h"
#include "guest/gkernel/console.h"
#include "guest/gkernel/panic.h"
#include "guest/gkernel/timer.h"
#include "guest/trap.h"

#define STACK_SIZE 8192

static struct process processes[PROCESS_MAX];
static _Alignas(16) __attribute__((section(".stacks"))) uint8_t stacks[PROCESS_MAX + 1][STACK_SIZE];

// Runs when nobody else can; it is never in the queue.
static struct process idle;
static struct process *current;
static struct cfs_queue queue;
static int next_pid;

struct process *process_current(void) { return current; }

static struct process *process_of(struct cfs_entity *entity) {
    return (struct process *)((char *)entity - offsetof(struct process, cfs));
}

// Gives the CPU to whoever is to have it. Interrupts are off; comes back when it is this one's
// turn.
static void schedule(void) {
    struct process *from = current;
    const uint64_t now = timer_now();
    if (from != &idle) {
        cfs_account(&queue, &from->cfs, now);
        if (from->state == PROCESS_READY)
            cfs_enqueue(&queue, &from->cfs);
    }
    struct cfs_entity *picked = cfs_pick(&queue, now);
    struct process *to = picked != NULL ? process_of(picked) : &idle;
    if (to == from)
        return;
    current = to;
    if (to == &idle)
        timer_stop_tick();
    else if (from == &idle)
        timer_start_tick();
    space_activate(to->has_space ? &to->space : NULL);
    cpu_switch(&from->stack_pointer, to->stack_pointer);
}

static void idle_loop(void) {
    for (;;) {
        schedule();
        cpu_wait();
        // What is pending is taken between these two.
        cpu_interrupts_on();
        cpu_interrupts_off();
    }
}

// Where a new process is on its kernel stack for the first time.
static void begin(void) {
    if (current->has_space) {
        printk("Enter user space: entry=0x%lx, ustack=VA:0x%lx\n", current->entry,
               current->user_stack);
        trap_enter_user(current->kernel_stack, current->entry, current->user_stack);
    }
    cpu_interrupts_on();
    current->thread();
    process_exit(0);
}

void process_init(void) {
    current = &processes[0];
    *current = (struct process){.state = PROCESS_READY, .name = "main", .pid = next_pid++};
    cfs_entity_init(&current->cfs, 0);
    current->cfs.run_since = timer_now();
    idle = (struct process){.state = PROCESS_READY, .name = "idle", .pid = -1};
    idle.stack_pointer = cpu_new_stack(stacks[PROCESS_MAX] + STACK_SIZE, idle_loop);
    timer_start_tick();
}

static struct process *create(const char *name, int nice) {
    for (unsigned i = 0; i < PROCESS_MAX; i++) {
        struct process *process = &processes[i];
        if (process->state != PROCESS_NONE)
            continue;
        *process = (struct process){
            .state = PROCESS_READY,
            .name = name,
            .pid = next_pid++,
            .kernel_stack = stacks[i] + STACK_SIZE,
        };
        process->stack_pointer = cpu_new_stack(process->kernel_stack, begin);
        cfs_entity_init(&process->cfs, nice);
        return process;
    }
    return NULL;
}

static struct process *start(struct process *process) {
    cfs_place_new(&queue, &process->cfs);
    cfs_enqueue(&queue, &process->cfs);
    return process;
}

struct process *process_create_thread(const char *name, int nice, void (*thread)(void)) {
    struct process *process = create(name, nice);
    if (process == NULL)
        return NULL;
    process->thread = thread;
    return start(process);
}

struct process *process_create_user(const char *name, int nice, const struct space *space,
                                    uint64_t entry, uint64_t user_stack) {
    struct process *process = create(name, nice);
    if (process == NULL)
        return NULL;
    process->has_space = true;
    process->space = *space;
    process->entry = entry;
    process->user_stack = user_stack;
    return start(process);
}

static void wake(struct process *process) {
    process->state = PROCESS_READY;
    cfs_place_woken(&queue, &process->cfs);
    cfs_enqueue(&queue, &process->cfs);
}

_Noreturn void process_exit(int code) {
    cpu_interrupts_off();
    current->exit_code = code;
    current->state = PROCESS_EXITED;
    if (current->joiner != NULL)
        wake(current->joiner);
    schedule();
    panic("process %d (%s) ran after its end", current->pid, current->name);
}

int process_join(struct process *process) {
    while (process->state != PROCESS_EXITED) {
        process->joiner = current;
        current->state = PROCESS_BLOCKED;
        schedule();
    }
    const int code = process->exit_code;
    if (process->has_space)
        space_destroy(&process->space);
    process->state = PROCESS_NONE;
    return code;
}

void process_tick(void) {
    if (current == &idle)
        return;
    cfs_account(&queue, &current->cfs, timer_now());
    if (cfs_should_preempt(&queue, &current->cfs))
        schedule();
}
