// What happens to the fake CPU: each function is one trap of whatever runs (machine.current), from
// the hardware's doing up to the first instruction of what runs next, which is returned (NULL: the
// CPU sleeps).
#pragma once

#include "ipc/exit.h"
#include "ipc/fault.h"
#include "kernel/context.h"

// A task's system call, with all its registers as they are in machine.regs.
struct context *trap_syscall(uint64_t number);

// A guest kernel's hypercall, its words in machine.regs.
struct context *trap_hypercall(void);

// Any other exit of a guest, or a hypercall the long way: WORD (may be NULL) are the record's
// words. The guest's mode is machine.regs.user.
struct context *trap_exit(enum exit_class c, const uint64_t *word, unsigned words);

// A task's instruction faulted.
struct context *trap_fault(enum fault cause, uint64_t detail, uint64_t address);

// The host's timer fired.
struct context *trap_timer(void);

// Interrupt lines that are asserted, enabled and not taken: the core hears of the lowest.
struct context *trap_interrupt(void);

// As if a time slice were over: what runs goes to the end of its queue, and TO, which stands in
// one, runs.
struct context *trap_switch(struct context *to);

// Begins: the first context runs.
struct context *trap_begin(struct context *next);
