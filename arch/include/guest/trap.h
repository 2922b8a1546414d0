// The guest contract, traps: how user mode is entered and how it comes back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// The registers of what was interrupted; its layout is the architecture's own.
struct trap_frame;

enum trap_cause {
    TRAP_SYSCALL,
    TRAP_TIMER,
    TRAP_PAGE_FAULT,
    TRAP_ILLEGAL, // an instruction that does not exist or is not allowed here
    TRAP_OTHER,   // a cause that gkernel has no use for; `code` has the architecture's number
    TRAP_CAUSES,
};

struct trap {
    enum trap_cause cause;
    bool from_user;
    unsigned access;  // TRAP_PAGE_FAULT: MMU_READ, MMU_WRITE or MMU_EXECUTE
    uint64_t address; // TRAP_PAGE_FAULT: what was accessed
    uint64_t pc;
    uint64_t code;
};

struct trap_syscall {
    uint64_t number;
    uint64_t argument[6];
};

// Lets traps in. Before it the boot code's vector ends the guest.
void trap_init(void);

// Called by the architecture for every trap, with interrupts off; written by gkernel. When it
// returns, `frame` is resumed.
void trap_handle(struct trap_frame *frame, const struct trap *trap);

struct trap_syscall trap_frame_syscall(const struct trap_frame *frame);

// Gives the system call's result and moves on to the instruction after it.
void trap_frame_return(struct trap_frame *frame, int64_t result);

// Leaves for user mode with all registers zero but pc and the stack pointer. The kernel stack whose
// end is `kernel_stack` is used from its end by the next trap: what it held is gone.
_Noreturn void trap_enter_user(void *kernel_stack, uint64_t entry, uint64_t user_stack);
