#include "tests/system/programs/raw.h"

#include <sched.h>
#include <sys/syscall.h>

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

long raw_thread(void *stack_end, void (*function)(void)) {
    register long a0 __asm__("a0") = THREAD;
    register long a1 __asm__("a1") = (long)stack_end;
    register long a7 __asm__("a7") = SYS_clone;
    register long s2 __asm__("s2") = (long)function;
    // All registers but a0 and the stack pointer are the same in both threads.
    __asm__ volatile("ecall\n"
                     "bnez a0, 1f\n"
                     "jr s2\n"
                     "1:\n"
                     : "+r"(a0)
                     : "r"(a1), "r"(a7), "r"(s2)
                     : "memory");
    return a0;
}
