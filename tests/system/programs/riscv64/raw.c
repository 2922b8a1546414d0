#include "tests/system/programs/raw.h"

#include <sched.h>
#include <stdint.h>
#include <string.h>
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

#define FOR_ALL                                                                                    \
    ".irp n, "                                                                                     \
    "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"

void raw_fill_fp(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    __asm__ volatile(FOR_ALL "fmv.d.x f\\n, %0\n"
                             ".endr\n"
                             "fsrmi 1\n"
                             "fsflagsi 31\n" ::"r"(bits));
}

bool raw_fp_is_fresh(void) {
    uint64_t all = 0, one, fcsr;
    __asm__ volatile(FOR_ALL "fmv.x.d %1, f\\n\n"
                             "or %0, %0, %1\n"
                             ".endr\n"
                             "frcsr %2\n"
                     : "+r"(all), "=&r"(one), "=r"(fcsr));
    return all == 0 && fcsr == 0;
}
