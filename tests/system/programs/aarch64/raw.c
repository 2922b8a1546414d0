#include "tests/system/programs/raw.h"

#include <sched.h>
#include <stdint.h>
#include <string.h>
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

#define FOR_ALL                                                                                    \
    ".irp n, "                                                                                     \
    "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"

#define ROUND_UP (UINT64_C(1) << 22)
#define ALL_FLAGS UINT64_C(0x1f)

void raw_fill_fp(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    __asm__ volatile(FOR_ALL "dup v\\n\\().2d, %0\n"
                             ".endr\n"
                             "msr fpcr, %1\n"
                             "msr fpsr, %2\n" ::"r"(bits),
                     "r"(ROUND_UP), "r"(ALL_FLAGS));
}

bool raw_fp_is_fresh(void) {
    uint64_t all = 0, one, fpcr, fpsr;
    __asm__ volatile(FOR_ALL "mov %1, v\\n\\().d[0]\n"
                             "orr %0, %0, %1\n"
                             "mov %1, v\\n\\().d[1]\n"
                             "orr %0, %0, %1\n"
                             ".endr\n"
                             "mrs %2, fpcr\n"
                             "mrs %3, fpsr\n"
                     : "+r"(all), "=&r"(one), "=&r"(fpcr), "=&r"(fpsr));
    return all == 0 && fpcr == 0 && fpsr == 0;
}
