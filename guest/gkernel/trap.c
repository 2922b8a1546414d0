// What the kernel does about each kind of trap.
#include "guest/trap.h"

#include "guest/gkernel/console.h"
#include "guest/gkernel/panic.h"
#include "guest/gkernel/process.h"
#include "guest/gkernel/syscall.h"
#include "guest/gkernel/timer.h"
#include "guest/mmu.h"

// As a shell reports a process that SIGSEGV or SIGILL ended.
#define CODE_PAGE_FAULT 139
#define CODE_ILLEGAL 132

static const char *access_name(unsigned access) {
    return access & MMU_EXECUTE ? "execute" : access & MMU_WRITE ? "write" : "read";
}

static void kernel_died(const struct trap *trap) {
    panic("trap %lu in the kernel at pc 0x%lx, address 0x%lx", trap->code, trap->pc, trap->address);
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

static void on_page_fault(struct trap_frame *frame, const struct trap *trap) {
    (void)frame;
    if (!trap->from_user)
        kernel_died(trap);
    struct process *process = process_current();
    if (space_fault(&process->space, trap->address, trap->access))
        return;
    printk("process %d (%s) killed: %s of 0x%lx at pc 0x%lx\n", process->pid, process->name,
           access_name(trap->access), trap->address, trap->pc);
    process_exit(CODE_PAGE_FAULT);
}

static void on_illegal(struct trap_frame *frame, const struct trap *trap) {
    (void)frame;
    if (!trap->from_user)
        kernel_died(trap);
    const struct process *process = process_current();
    printk("process %d (%s) killed: illegal instruction at pc 0x%lx\n", process->pid, process->name,
           trap->pc);
    process_exit(CODE_ILLEGAL);
}

static void on_other(struct trap_frame *frame, const struct trap *trap) {
    (void)frame;
    if (!trap->from_user)
        kernel_died(trap);
    const struct process *process = process_current();
    printk("process %d (%s) killed: trap %lu at pc 0x%lx\n", process->pid, process->name,
           trap->code, trap->pc);
    process_exit(CODE_ILLEGAL);
}

static void (*const handlers[TRAP_CAUSES])(struct trap_frame *, const struct trap *) = {
    [TRAP_SYSCALL] = on_syscall, [TRAP_TIMER] = on_timer, [TRAP_PAGE_FAULT] = on_page_fault,
    [TRAP_ILLEGAL] = on_illegal, [TRAP_OTHER] = on_other,
};

void trap_handle(struct trap_frame *frame, const struct trap *trap) {
    handlers[trap->cause](frame, trap);
}
