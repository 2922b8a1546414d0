#include "tests/system/programs/raw.h"

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

long raw_thread(void *stack_end, void (*function)(void)) {
    long result = SYS_clone;
    // All registers but rax, those that SYSCALL uses and the stack pointer are the same in both
    // threads. The function finds its stack as a call leaves it.
    __asm__ volatile("syscall\n"
                     "test %%rax, %%rax\n"
                     "jnz 1f\n"
                     "call *%[function]\n"
                     "ud2\n"
                     "1:\n"
                     : "+a"(result)
                     : "D"((long)THREAD), "S"(stack_end), [function] "b"(function)
                     : "rcx", "r11", "cc", "memory");
    return result;
}

#define FOR_ALL ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"

#define ROUND_UP_ALL_FLAGS 0x5fbfu // of MXCSR: nothing of it traps
#define FRESH_MXCSR 0x1f80u
#define FRESH_X87_CONTROL 0x37fu

// The x87's too, whose registers the C library uses for long doubles.
void raw_fill_fp(double value) {
    const uint32_t mxcsr = ROUND_UP_ALL_FLAGS;
    __asm__ volatile(FOR_ALL "movsd %0, %%xmm\\n\n"
                             "unpcklpd %%xmm\\n, %%xmm\\n\n"
                             ".endr\n"
                             "fninit\n"
                             ".rept 8\n"
                             "fldl %0\n"
                             ".endr\n"
                             "ldmxcsr %1\n" ::"m"(value),
                     "m"(mxcsr)
                     : "memory");
}

struct x87_environment {
    uint16_t control, unused0, status, unused1, tags, unused2;
    uint32_t rest[4];
};

bool raw_fp_is_fresh(void) {
    uint64_t all = 0, one;
    uint32_t mxcsr;
    struct x87_environment x87;
    __asm__ volatile(FOR_ALL "movq %%xmm\\n, %1\n"
                             "or %1, %0\n"
                             "psrldq $8, %%xmm\\n\n"
                             "movq %%xmm\\n, %1\n"
                             "or %1, %0\n"
                             ".endr\n"
                             "stmxcsr %2\n"
                             "fnstenv %3\n"
                     : "+r"(all), "=&r"(one), "=m"(mxcsr), "=m"(x87)::"memory");
    return all == 0 && mxcsr == FRESH_MXCSR && x87.control == FRESH_X87_CONTROL &&
           x87.status == 0 && x87.tags == UINT16_MAX;
}
