#include "tests/system/programs/raw.h"

#include <sched.h>
#include <sys/syscall.h>

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

long raw_thread(void *stack_end, void (*function)(void)) {
    register long x0 __asm__("x0") = THREAD;
    register long x1 __asm__("x1") = (long)stack_end;
    register long x8 __asm__("x8") = SYS_clone;
    register long x9 __asm__("x9") = (long)function;
    // All registers but x0 and the stack pointer are the same in both threads.
    __asm__ volatile("svc #0\n"
                     "cbnz x0, 1f\n"
                     "br x9\n"
                     "1:\n"
                     : "+r"(x0)
                     : "r"(x1), "r"(x8), "r"(x9)
                     : "memory");
    return x0;
}
