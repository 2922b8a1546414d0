// A task: an address space, one thread and a table of capabilities.
#pragma once

#include "ipc/fault.h"
#include "ipc/syscall.h"
#include "kernel/context.h"
#include "kernel/object/cap.h"
#include "kernel/record.h"

struct portal;
struct space;

struct task {
    struct context context;   // first
    uint64_t translation;     // what the trap vector puts into the hardware for its space
    uint64_t receive_pc;      // where a record arrives …
    uint64_t receive_sp;      // … with this stack …
    uint64_t receive_tp;      // … and this thread pointer
    struct record *serving;   // what it must answer; NULL: nothing
    const uint64_t *arriving; // not NULL: it is entered at its receive entry with `serving`, whose
                              // words are there; its saved registers do not count
    struct vcpu *exit;      // the vCPU whose exit it serves, when the exit was handed over: such an
                            // answer may take the short way (exit/commit.c)
    struct portal *portal;  // where it receives
    struct portal *leaving; // where it received: another comes to its place once it is done
    struct space *space;
    uint64_t tick_call; // the number of the call that the last tick saw it wait for
    uint64_t tick_key;  // what it did at the last tick that met it running …
    uint32_t tick_age;  // … and for how many such ticks it has done the same
    struct {
        struct portal *portal;
        uint64_t badge;
    } fault_route;
    struct record call;  // what it waits for in CALL
    struct record fault; // its own death
    struct {
        uint64_t begin; // code of its own in [begin, end) whose faulting loads …
        uint64_t end;
        uint64_t resume; // … go on here: reading guest memory may fail at any time
    } fixup;
    uint8_t state;       // enum task_state
    bool is_init;        // the first task: with it the machine ends
    uint8_t guest_right; // it may read guest memory by the architecture's instructions
    struct fp_regs *fp;  // in the task's pages; saved floating-point registers
    uint32_t cap_count;
    struct cap cap[];
};

static inline struct task *task_of(struct context *context) {
    return container_of(context, struct task, context);
}

// Makes the task in the pool pages it was given (already taken and zeroed).
void task_init(struct task *task, uint32_t pages, struct space *space, struct cpu *cpu);

// Lets it run from PC on.
void task_start(struct task *task, uint64_t pc, uint64_t sp, uint64_t tp, uint64_t argument);

// Puts RECORD before the task, which was waiting: it is what it serves now.
void task_receive(struct task *task, struct record *record);

// What arrives, or comes back, in its message registers.
void task_set_words(struct task *task, const uint64_t word[MESSAGE_WORDS]);

// task_receive for a task that is run at once: the caller must return it to the trap vector, which
// takes the record, and its WORDS, from where they are.
static inline void task_arrive(struct task *task, struct record *record, const uint64_t *words) {
    record->server = task;
    task->serving = record;
    task->exit = NULL;
    task->state = TASK_READY;
    task->arriving = words;
}

// It has nothing more to answer: takes the next record of its portal, or waits.
void task_wait(struct task *task);

// The task can't go on: what it served is pending again, and its fault portal hears of it.
void task_die(struct task *task, enum fault cause, uint64_t detail, uint64_t address);

// Undoes all ties to others before the object ends.
void task_end(struct task *task);
