// Processes: user programs in a space of their own, and threads of the kernel. One CPU; interrupts
// are off in the kernel but for the threads' own code, which may be preempted anywhere.
#pragma once

#include <stdint.h>

#include "guest/gkernel/cfs.h"
#include "guest/gkernel/space.h"

#define PROCESS_MAX 64

enum process_state {
    PROCESS_NONE, // a free slot
    PROCESS_READY,
    PROCESS_BLOCKED,
    PROCESS_EXITED, // waits to be joined
};

struct process {
    struct cfs_entity cfs;
    enum process_state state;
    int pid;
    const char *name;
    int exit_code;
    struct process *joiner;  // blocked until this one exits
    uintptr_t stack_pointer; // while another runs
    void *kernel_stack;      // its end
    void (*thread)(void);    // of a thread of the kernel
    bool has_space;
    struct space space;
    uint64_t entry, user_stack;
};

// Makes the running context the first process, which has pid 0, and interrupts still off.
void process_init(void);

struct process *process_current(void);

// A thread of the kernel. It ends with process_exit or by returning. NULL when there is no slot.
struct process *process_create_thread(const char *name, int nice, void (*thread)(void));

// A user process that enters user mode at `entry`. It owns `space` from now on. NULL when there is
// no slot; the space stays the caller's.
struct process *process_create_user(const char *name, int nice, const struct space *space,
                                    uint64_t entry, uint64_t user_stack);

// Ends the running process.
_Noreturn void process_exit(int code);

// Blocks until the process has ended, frees it and returns its exit code.
int process_join(struct process *process);

// The timer's tick, from the trap.
void process_tick(void);
