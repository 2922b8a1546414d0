#include "guest/gkernel/syscall.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "guest/gkernel/console.h"
#include "guest/gkernel/process.h"
#include "guest/gkernel/sched.h"

static syscall_function *const table[] = {
    [SYS_brk] = sys_brk,
    [SYS_clock_gettime] = sys_clock_gettime,
    [SYS_clone] = sys_clone,
    [SYS_close] = sys_close,
    [SYS_execve] = sys_execve,
    [SYS_exit] = sys_exit,
    [SYS_exit_group] = sys_exit_group,
    [SYS_futex] = sys_futex,
    [SYS_getpid] = sys_getpid,
    [SYS_getrusage] = sys_getrusage,
    [SYS_gettid] = sys_gettid,
    [SYS_kill] = sys_kill,
    [SYS_mmap] = sys_mmap,
    [SYS_mprotect] = sys_mprotect,
    [SYS_munmap] = sys_munmap,
    [SYS_nanosleep] = sys_nanosleep,
    [SYS_openat] = sys_openat,
    [SYS_read] = sys_read,
    [SYS_sched_yield] = sys_sched_yield,
    [SYS_set_tid_address] = sys_set_tid_address,
    [SYS_setpriority] = sys_setpriority,
    [SYS_wait4] = sys_wait4,
    [SYS_write] = sys_write,
    [SYS_writev] = sys_writev,
};
#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

// Made by the build from the C library's own list.
static const char *const names[] = {
#include "guest/gkernel/syscall_names.h"
};
#define NAMES_SIZE (sizeof(names) / sizeof(names[0]))

// What is in no table: the architecture's own, or nobody's.
static int64_t other(const struct trap_syscall *call) {
    static bool named[NAMES_SIZE];
    const uint64_t number = call->number;
    int64_t result;
    if (trap_frame_own_syscall(trap_user_frame(sched_current()->kernel_stack), call, &result))
        return result;
    if (number >= NAMES_SIZE || names[number] == NULL)
        return -ENOSYS; // nobody's: a program that tries them all does not fill the log
    if (!named[number])
        printk("syscall: %s (%lu) is not there, asked for by %s\n", names[number], number,
               process_current()->name);
    named[number] = true;
    return -ENOSYS;
}

int64_t syscall_handle(const struct trap_syscall *call) {
    struct process *process = process_current();
    if (process->is_program && !process->made_a_call)
        printk("handle_syscall ...\n");
    process->made_a_call = true;
    if (call->number >= TABLE_SIZE || table[call->number] == NULL)
        return other(call);
    return table[call->number](call->argument);
}
