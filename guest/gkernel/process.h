// Processes: an address space, open files, a parent, and threads. The kernel is one too, with pid 0
// and no address space of its own; it is the parent of the programs that it starts, and of
// processes whose parent has ended. Interrupts are off in every function.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/gkernel/file.h"
#include "guest/gkernel/space.h"
#include "guest/gkernel/thread.h"
#include "guest/gkernel/wait.h"

#define PROCESS_MAX 128
#define PROCESS_NAME_SIZE 16

// CPU time in nanoseconds and counts, as getrusage() tells them.
struct process_usage {
    uint64_t time;
    uint64_t given_up, taken_away;
    uint64_t faults;
};

struct process {
    enum { PROCESS_NONE, PROCESS_ALIVE, PROCESS_ZOMBIE } state;
    int pid;
    char name[PROCESS_NAME_SIZE];
    struct process *parent;
    struct space *space;           // NULL: the kernel's, or a zombie's
    unsigned threads;              // that have not ended
    bool exiting;                  // all its threads are about to end
    int status;                    // as wait4() tells it
    uint64_t started;              // timer_now()
    struct process_usage usage;    // of threads that have ended, and all faults
    struct process_usage children; // of children that were waited for
    struct file_table files;
    struct wait_queue child_ended;
    struct wait_queue thread_ended;
    bool is_program;  // the kernel itself started it: its steps are announced
    bool made_a_call; // a system call
};

// A wait status, in Linux's encoding.
#define PROCESS_EXITED(code) (((code) & 0xff) << 8)
#define PROCESS_KILLED(signal) (signal)

// The kernel's process, whose thread is what runs.
void process_init(void);

struct process *process_current(void);
struct process *process_kernel(void);

// The process of that id, alive or a zombie, or NULL; the kernel's is none.
struct process *process_find(int pid);

// Makes a process with one thread, which is not started yet: set up its user frame, and then
// sched_start() it. The process owns `space` from now on. NULL when there is no slot or no memory.
struct process *process_create(struct process *parent, const char *name, struct space *space,
                               struct thread **first);

void process_set_name(struct process *process, const char *name);

// Ends the running thread; with the last one the process, whose status that then is (as on
// Linux since 5.19), unless process_exit or process_kill has said another.
_Noreturn void process_exit_thread(int status);

// Ends the running process with all its threads.
_Noreturn void process_exit(int status);

// Ends another, or the running one, before it is in user mode again.
void process_kill(struct process *process, int status);

// Ends all other threads of the running process, and waits until they have. False when this thread
// itself is killed meanwhile.
bool process_end_other_threads(void);

// A child of `parent` that has ended: with that pid, or any (-1). Waits for one if `block`; frees
// it and adds its usage to the children's. Returns its pid, 0 when none has ended and it does not
// block, or a negative errno: ECHILD when there is no such child, EINTR when this thread is killed.
int process_wait(struct process *parent, int pid, bool block, int *status,
                 struct process_usage *usage);

// Of all its threads, with those that have ended.
struct process_usage process_usage(const struct process *process);
struct process_usage process_thread_usage(const struct thread *thread);
