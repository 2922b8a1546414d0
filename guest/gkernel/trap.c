// What the kernel does about each kind of trap.
#include "guest/trap.h"

#include <signal.h>
#include <stddef.h>

#include "guest/gkernel/console.h"
#include "guest/gkernel/panic.h"
#include "guest/gkernel/process.h"
#include "guest/gkernel/sched.h"
#include "guest/gkernel/syscall.h"
#include "guest/gkernel/timer.h"
#include "guest/mmu.h"

static _Noreturn void kernel_died(const struct trap *trap) {
    panic("trap %lu in the kernel at pc 0x%lx, address 0x%lx", trap->code, trap->pc, trap->address);
}

// A program's fault ends its process; the kernel goes on. The process dies at the trap's end.
static void kill_current(int signal) {
    process_kill(process_current(), PROCESS_KILLED(signal));
    sched_current()->killed = true;
}

static void on_syscall(struct trap_frame *frame, const struct trap *trap) {
    if (!trap->from_user)
        kernel_died(trap);
    const struct trap_syscall call = trap_frame_syscall(frame);
    trap_frame_return(frame, syscall_handle(&call));
}

static void on_timer(struct trap_frame *frame, const struct trap *trap) {
    (void)frame, (void)trap;
    timer_interrupt();
}

static const char *access_name(unsigned access) {
    return access & MMU_EXECUTE ? "execute" : access & MMU_WRITE ? "write" : "read";
}

static void on_page_fault(struct trap_frame *frame, const struct trap *trap) {
    static const char *const reasons[] = {
        [SPACE_NOTHING_THERE] = "nothing is there",
        [SPACE_NO_RIGHT] = "that is not allowed there",
        [SPACE_STACK_OVERFLOW] = "the stack has run over",
        [SPACE_NO_MEMORY] = "no memory is left",
    };
    (void)frame;
    if (!trap->from_user)
        kernel_died(trap);
    struct process *process = process_current();
    process->usage.faults++;
    const enum space_answer answer = space_fault(process->space, trap->address, trap->access);
    if (answer == SPACE_DONE)
        return;
    printk("process %d (%s) killed: %s of 0x%lx at pc 0x%lx: %s\n", process->pid, process->name,
           access_name(trap->access), trap->address, trap->pc, reasons[answer]);
    kill_current(answer == SPACE_NO_MEMORY ? SIGKILL : SIGSEGV);
}

static const struct {
    const char *what;
    int signal;
} faults[TRAP_CAUSES] = {
    // Not a page fault: the page is there, and the program would come back here for ever.
    [TRAP_ACCESS] = {"access to no memory", SIGBUS},
    [TRAP_ILLEGAL] = {"illegal instruction", SIGILL},
    [TRAP_PROTECTION] = {"what is not allowed", SIGSEGV},
    [TRAP_ARITHMETIC] = {"arithmetic error", SIGFPE},
    [TRAP_BREAKPOINT] = {"breakpoint", SIGTRAP},
    [TRAP_MISALIGNED] = {"misaligned access", SIGBUS},
    [TRAP_OTHER] = {"unexpected trap", SIGILL},
};

static void on_fault(struct trap_frame *frame, const struct trap *trap) {
    (void)frame;
    if (!trap->from_user)
        kernel_died(trap);
    const struct process *process = process_current();
    printk("process %d (%s) killed: %s at pc 0x%lx\n", process->pid, process->name,
           faults[trap->cause].what, trap->pc);
    kill_current(faults[trap->cause].signal);
}

static void on_stack_overflow(struct trap_frame *frame, const struct trap *trap) {
    (void)frame;
    panic("the kernel stack of process %d (%s) has run over at pc 0x%lx", process_current()->pid,
          process_current()->name, trap->pc);
}

static void (*const handlers[TRAP_CAUSES])(struct trap_frame *, const struct trap *) = {
    [TRAP_SYSCALL] = on_syscall,       [TRAP_TIMER] = on_timer,
    [TRAP_PAGE_FAULT] = on_page_fault, [TRAP_ACCESS] = on_fault,
    [TRAP_ILLEGAL] = on_fault,         [TRAP_PROTECTION] = on_fault,
    [TRAP_ARITHMETIC] = on_fault,      [TRAP_BREAKPOINT] = on_fault,
    [TRAP_MISALIGNED] = on_fault,      [TRAP_STACK_OVERFLOW] = on_stack_overflow,
    [TRAP_OTHER] = on_fault,
};

void trap_handle(struct trap_frame *frame, const struct trap *trap) {
    handlers[trap->cause](frame, trap);
    sched_preempt();
    // Here, and nowhere deeper, a thread ends that somebody has killed: it holds nothing now.
    if (trap->from_user && sched_current()->killed)
        process_exit_thread(process_current()->status);
}
