// musl's system calls, which end here and not in the core (libs/musl/include/syscall_arch.h).
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "libs/rt/rt.h"

long rt_musl_syscall(long n, long a, long b, long c, long d, long e, long f);
long rt_musl_syscall(long n, long a, long b, long c, long d, long e, long f) {
    (void)d, (void)e, (void)f;
    switch (n) {
    case SYS_set_tid_address:
        return 1; // the thread's number
    case SYS_write:
        if (a == 1 || a == 2) {
            rt_log("%.*s", (int)c, (const char *)b);
            return c;
        }
        return -EBADF;
    case SYS_exit:
    case SYS_exit_group: {
        struct rt_words words = {.word = {(uint64_t)a}};
        enum status status = rt_system_call(SYSCALL_EXIT, 0, &words);
        (void)status; // it does not return
        __builtin_unreachable();
    }
    case SYS_mmap:
    case SYS_brk:
        return -ENOMEM;
    default:
        return -ENOSYS;
    }
}
