// The guest contract, traps: how user mode is entered and how it comes back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// The registers of what was interrupted; its layout is the architecture's own. User mode's are
// saved at the end of the thread's kernel stack, where trap_user_frame() finds them, and with them
// lie the thread's floating-point and vector registers, while another thread's are in the CPU.
struct trap_frame;

enum trap_cause {
    TRAP_SYSCALL,
    TRAP_TIMER,
    TRAP_PAGE_FAULT,
    TRAP_ACCESS,  // the page tables allow it, but there is nothing that answers
    TRAP_ILLEGAL, // an instruction that does not exist or is not allowed here
    // What is not allowed, where the CPU tells that from what does not exist; and an address that
    // no page tables could translate.
    TRAP_PROTECTION,
    TRAP_ARITHMETIC, // a division by zero, where that traps, or what floating point was told to
    TRAP_BREAKPOINT,
    TRAP_MISALIGNED,
    TRAP_STACK_OVERFLOW, // the kernel stack has run over; what was interrupted is lost
    TRAP_OTHER, // a cause that gkernel has no use for; `code` has the architecture's number
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

// With Linux's number for the architecture. What every architecture calls in another way is said in
// one: clone's arguments are flags, stack, where the parent gets the id, the thread pointer, where
// the child has it; and what is older than the calls that all architectures have, as fork and open
// are than clone and openat, is said by those.
struct trap_syscall {
    uint64_t number;
    uint64_t argument[6];
};

// Lets traps in. Before it the boot code's vector ends the guest.
void trap_init(void);

// Called by the architecture for every trap, with interrupts off; written by gkernel. When it
// returns, `frame` is resumed.
void trap_handle(struct trap_frame *frame, const struct trap *trap);

// Where user mode's registers are, on the kernel stack that ends at `kernel_stack`.
struct trap_frame *trap_user_frame(void *kernel_stack);

// For a program's start: all registers are zero but pc and the stack pointer, in the CPU's
// floating-point registers too if the frame is the running thread's.
void trap_frame_start(struct trap_frame *frame, uint64_t pc, uint64_t stack);

// For a new thread or process: it goes on where the running thread, whose frame `from` is, will
// after its system call, with 0 as the result.
void trap_frame_copy(struct trap_frame *to, struct trap_frame *from);

void trap_frame_set_stack(struct trap_frame *frame, uint64_t stack);
void trap_frame_set_tls(struct trap_frame *frame, uint64_t thread_pointer);

// The arguments of the system call that a user made; moves on to the instruction after it.
struct trap_syscall trap_frame_syscall(struct trap_frame *frame);
void trap_frame_return(struct trap_frame *frame, int64_t result);

// Does a system call that only this architecture has, and that is about nothing but the running
// thread's registers, whose frame this is. False when it is no such call; else `result` is a result
// or a negative errno.
bool trap_frame_own_syscall(struct trap_frame *frame, const struct trap_syscall *call,
                            int64_t *result);

// Before the kernel goes from one thread to another: puts `from`'s floating-point and vector
// registers away and `to`'s in. Either is NULL for a thread that has no user mode.
void trap_switch(struct trap_frame *from, struct trap_frame *to);

// Leaves for user mode with the frame, which is the running thread's user frame.
_Noreturn void trap_enter_user(struct trap_frame *frame);
