// Sizes that the runtime's assembly and C share; rt.c asserts them.
#pragma once

#define RT_STACK_SIZE 16384
#define RT_SYSCALL_TASK 8
#define RT_TASK_FETCH 5
#define RT_REPLY_SIZE 80 // struct reply, rounded up to the stack's alignment
