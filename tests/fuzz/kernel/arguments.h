// What a fuzzing input makes of a system call's arguments: they make sense more often than not, or
// little would be reached behind the first check.
#pragma once

#include "ipc/syscall.h"
#include "kernel/object/task.h"

struct arguments {
    uint64_t selector;
    uint64_t word[MESSAGE_WORDS];
};

// A number of the kind that KIND says (see arguments.c), for TASK.
uint64_t arguments_number(const struct task *task, char kind);

// Those of CALL (SYSCALL_COUNT: none that there is) by TASK.
struct arguments arguments_of(const struct task *task, enum syscall call);
