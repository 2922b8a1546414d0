// What is under a user program's main(), and the system call.
#include "guest/user.h"

#define SYS_EXIT 93

long user_syscall(long number, long argument) {
    register long a0 __asm__("a0") = argument;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
    return a0;
}

__attribute__((section(".start"), used)) _Noreturn void _start(void) {
    user_syscall(SYS_EXIT, main());
    __builtin_trap();
}
