// System calls: Linux's numbers, meanings and errors. sys_*.c has them by subject; what is not
// there is answered with ENOSYS, and named once in the log.
#pragma once

#include <stdint.h>

#include "guest/trap.h"

#define SYSCALL_ARGUMENTS 6

// Gets SYSCALL_ARGUMENTS of them; gives a result, or a negative errno.
typedef int64_t syscall_function(const uint64_t argument[]);

// The running thread's call.
int64_t syscall_handle(const struct trap_syscall *call);

// sys_process.c
syscall_function sys_exit, sys_exit_group, sys_getpid, sys_gettid, sys_clone, sys_execve, sys_wait4,
    sys_kill, sys_set_tid_address, sys_setpriority, sys_getrusage;
// sys_memory.c
syscall_function sys_brk, sys_mmap, sys_munmap, sys_mprotect;
// sys_file.c
syscall_function sys_read, sys_write, sys_writev, sys_openat, sys_close;
// sys_time.c
syscall_function sys_nanosleep, sys_clock_gettime, sys_sched_yield, sys_futex;
