// What a system call of a server's may change, worked out from ipc/syscall.h, ipc/message.h and the
// caller's capabilities, not from the core's code: the fields of which objects. Whatever else
// changes in any object, in the page tables, the CPU or the interrupt controller ends the program.
#pragma once

#include "kernel/object/task.h"

struct attempt {
    struct task *task; // it runs
    uint64_t number;   // enum syscall, or none that there is
    uint64_t selector;
    uint64_t word[MESSAGE_WORDS];
};

void oracle_before(const struct attempt *attempt);
void oracle_after(const struct attempt *attempt);
