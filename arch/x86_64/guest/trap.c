#include "guest/trap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "arch/x86_64/guest/apic.h"
#include "arch/x86_64/guest/frame.h"
#include "arch/x86_64/guest/mmu.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/gkernel/kernel_stack.h"
#include "guest/mmu.h"

#define RING_MASK 3

// Of a page fault's error code (APM volume 2, chapter 8.4.2).
#define ERROR_WRITE (1u << 1)
#define ERROR_USER (1u << 2)
#define ERROR_RESERVED (1u << 3)
#define ERROR_FETCH (1u << 4)

// Linux's arch_prctl(), asm/prctl.h.
#define ARCH_SET_FS 0x1002

void trap_init(void) { segments_init(vector_stubs, VECTOR_STUB_SIZE, vector_syscall); }

// What gkernel calls an exception (APM volume 2, chapter 8.2), and what Linux sends for it. All
// that stand in none are not allowed: TRAP_PROTECTION.
static const struct {
    uint8_t known;
    uint8_t cause;
} exceptions[VECTOR_EXCEPTIONS] = {
    [VECTOR_DIVIDE] = {1, TRAP_ARITHMETIC},   [VECTOR_DEBUG] = {1, TRAP_BREAKPOINT},
    [VECTOR_NMI] = {1, TRAP_OTHER},           [VECTOR_BREAKPOINT] = {1, TRAP_BREAKPOINT},
    [VECTOR_UNDEFINED] = {1, TRAP_ILLEGAL},   [VECTOR_DOUBLE_FAULT] = {1, TRAP_OTHER},
    [VECTOR_STACK] = {1, TRAP_ACCESS},        [VECTOR_PAGE_FAULT] = {1, TRAP_PAGE_FAULT},
    [VECTOR_X87] = {1, TRAP_ARITHMETIC},      [VECTOR_ALIGNMENT] = {1, TRAP_MISALIGNED},
    [VECTOR_MACHINE_CHECK] = {1, TRAP_OTHER}, [VECTOR_SIMD] = {1, TRAP_ARITHMETIC},
};

static void take_page_fault(struct trap *trap, uint64_t error) {
    trap->address = x86_read_cr(2);
    trap->access = error & ERROR_FETCH ? MMU_EXECUTE : error & ERROR_WRITE ? MMU_WRITE : MMU_READ;
    if (error & ERROR_RESERVED)
        trap->cause = TRAP_OTHER;
    // What the CPU does as the kernel for a program, and may not: QEMU before 9.1 reads the stack
    // of a far return so, which SMAP forbids. No page of the program's would help.
    else if (trap->from_user && !(error & ERROR_USER))
        trap->cause = TRAP_PROTECTION;
}

// A kernel stack is the upper half of an aligned block of twice its size (kernel_stack.h), and
// below it nothing is mapped: the page fault of one that runs over can't be pushed there.
static bool has_run_over(uint64_t stack) {
    return stack >= MMU_WINDOW && !(stack - 1 & KERNEL_STACK_SIZE);
}

static void take_exception(struct trap *trap, const struct trap_frame *frame) {
    trap->cause =
        exceptions[frame->vector].known ? exceptions[frame->vector].cause : TRAP_PROTECTION;
    if (frame->vector == VECTOR_PAGE_FAULT)
        take_page_fault(trap, frame->error);
    if (frame->vector == VECTOR_DOUBLE_FAULT && has_run_over(frame->rsp))
        trap->cause = TRAP_STACK_OVERFLOW;
    // These come on a stack that no thread can be left on; neither is a program's fault.
    if (frame->vector == VECTOR_NMI || frame->vector == VECTOR_MACHINE_CHECK)
        trap->from_user = false;
}

// The end is told at once, before the kernel may go on with another thread.
void trap_dispatch(struct trap_frame *frame) {
    struct trap trap = {
        .from_user = (frame->cs & RING_MASK) != 0,
        .pc = frame->rip,
        .code = frame->vector,
    };
    if (frame->vector == VECTOR_SYSCALL) {
        trap.cause = TRAP_SYSCALL;
    } else if (frame->vector == VECTOR_TIMER) {
        apic_end();
        trap.cause = TRAP_TIMER;
    } else if (frame->vector < VECTOR_EXCEPTIONS) {
        take_exception(&trap, frame);
    } else {
        return; // what has gone by the time that it is taken: it has no end
    }
    trap_handle(frame, &trap);
}

// Whose floating-point registers and thread pointer are in the CPU: the running thread's while it
// has a user mode. Threads without one leave them there.
static struct user_frame *loaded;

static struct user_frame *user_frame_of(struct trap_frame *frame) {
    return (struct user_frame *)frame;
}

struct trap_frame *trap_user_frame(void *kernel_stack) {
    return &((struct user_frame *)kernel_stack - 1)->frame;
}

void trap_frame_set_tls(struct trap_frame *frame, uint64_t thread_pointer) {
    struct user_frame *user = user_frame_of(frame);
    user->tls = thread_pointer;
    if (loaded == user)
        x86_write_msr(MSR_FS_BASE, thread_pointer);
}

// Selectors are no thread's own: those that it has loaded it may lose at any time. Nothing but the
// thread pointer needs one.
static void clear_selectors(void) {
    __asm__ volatile("mov %0, %%ds\n"
                     "mov %0, %%es\n"
                     "mov %0, %%fs\n"
                     "mov %0, %%gs\n" ::"r"(0)
                     : "memory");
}

void trap_frame_start(struct trap_frame *frame, uint64_t pc, uint64_t stack) {
    struct user_frame *user = user_frame_of(frame);
    *frame = (struct trap_frame){
        .rip = pc,
        .cs = SEGMENT_USER_CODE,
        .rflags = FLAGS_FIXED | FLAGS_INTERRUPTS,
        .rsp = stack,
        .ss = SEGMENT_USER_DATA,
    };
    user->fp = fp_fresh;
    if (loaded == user) {
        fp_load(&user->fp);
        clear_selectors();
    }
    trap_frame_set_tls(frame, 0);
}

void trap_frame_copy(struct trap_frame *to, struct trap_frame *from) {
    if (loaded == user_frame_of(from))
        fp_save(&loaded->fp);
    *user_frame_of(to) = *user_frame_of(from);
    to->rax = 0;
}

void trap_switch(struct trap_frame *from, struct trap_frame *to) {
    (void)from;
    if (to == NULL)
        return;
    segments_tss.rsp[0] = (uint64_t)(to + 1);
    if (loaded == user_frame_of(to))
        return;
    if (loaded != NULL)
        fp_save(&loaded->fp);
    loaded = user_frame_of(to);
    fp_load(&loaded->fp);
    clear_selectors();
    x86_write_msr(MSR_FS_BASE, loaded->tls);
}

void trap_frame_set_stack(struct trap_frame *frame, uint64_t stack) { frame->rsp = stack; }

// RIP is that of the instruction after SYSCALL already.
struct trap_syscall trap_frame_syscall(struct trap_frame *frame) {
    const struct trap_syscall call = {
        frame->rax,
        {frame->rdi, frame->rsi, frame->rdx, frame->r10, frame->r8, frame->r9},
    };
    const uint64_t *argument = call.argument;
    switch (call.number) {
    case SYS_clone: // where the child has its id comes before the thread pointer
        return (struct trap_syscall){
            SYS_clone, {argument[0], argument[1], argument[2], argument[4], argument[3]}};
    case SYS_fork:
        return (struct trap_syscall){SYS_clone, {SIGCHLD}};
    case SYS_open:
        return (struct trap_syscall){SYS_openat,
                                     {(uint64_t)AT_FDCWD, argument[0], argument[1], argument[2]}};
    default:
        return call;
    }
}

void trap_frame_return(struct trap_frame *frame, int64_t result) { frame->rax = (uint64_t)result; }

bool trap_frame_own_syscall(struct trap_frame *frame, const struct trap_syscall *call,
                            int64_t *result) {
    if (call->number != SYS_arch_prctl)
        return false;
    *result = call->argument[0] != ARCH_SET_FS    ? -EINVAL
              : call->argument[1] >= MMU_USER_END ? -EPERM
                                                  : 0;
    if (*result == 0)
        trap_frame_set_tls(frame, call->argument[1]);
    return true;
}

_Noreturn void trap_enter_user(struct trap_frame *frame) {
    __asm__ volatile("cli" ::: "memory");
    vector_resume(frame);
}
