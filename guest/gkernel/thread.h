// Threads: what the scheduler gives the CPU to. A process's threads have user mode; the kernel's
// own only run in the kernel, and may be preempted anywhere in their own code.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/gkernel/cfs.h"

#define THREAD_MAX 256
#define THREAD_IDS 1024 // ids are below, and above 0 but for the first

struct process;
struct space;
struct wait_queue;

enum thread_state {
    THREAD_NONE, // a free slot
    THREAD_READY,
    THREAD_BLOCKED,
};

// Why a blocked thread goes on.
enum wait_end { WAIT_WOKEN, WAIT_TIMED_OUT, WAIT_KILLED };

// A word in memory that threads wait for.
struct futex {
    const struct space *space; // NULL: of memory that spaces share; then `address` is the kernel's
    uint64_t address;
};

struct thread {
    struct cfs_entity cfs;
    enum thread_state state;
    int id;
    int nice;
    struct process *process;
    void (*kernel_main)(void); // of a thread of the kernel, else NULL
    void *kernel_stack;        // its end
    uintptr_t stack_pointer;   // while another runs
    bool killed;               // ends before it would be back in user mode
    uint64_t clear_id; // set_tid_address(): cleared, and woken, when the thread ends; 0: none
    uint64_t given_up, taken_away; // how often the CPU was, for getrusage()

    // While it is blocked; wait.c, timer.c and futex.c say what these mean.
    enum wait_end wait_end;
    struct wait_queue *waits_in;
    struct thread *next_waiting;
    struct futex futex;
    uint64_t wake_at;
    struct thread *next_sleeping;
};

// Makes what runs the kernel's first thread, of that process, with interrupts still off.
struct thread *thread_init(struct process *kernel);

// The thread of that id, or NULL.
struct thread *thread_find(int id);

// Makes a thread of the process, with the running thread's nice; it does not run before
// sched_start(). NULL when there is no slot, no id or no memory.
struct thread *thread_create(struct process *process);

// Starts a thread of the kernel's process. It ends by returning. False when there is no slot.
bool thread_start_kernel(int nice, void (*main)(void));

// The end of the running thread, which belongs to its process no longer.
_Noreturn void thread_end(void);

// The thread will end before it is in user mode again; if it waits for something, no longer.
void thread_kill(struct thread *thread);

// Calls the function for each thread of the process.
void thread_each(const struct process *process, void (*function)(struct thread *, void *),
                 void *context);
