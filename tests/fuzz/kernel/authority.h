// Who may name what: a second, independent account of capabilities. A step of a task may leave a
// capability in a table only if it was there before, or if the task could make it from its own.
#pragma once

#include "ipc/syscall.h"
#include "kernel/object/task.h"

struct authority_step {
    const struct task *task;
    enum syscall call;
    uint64_t selector;
    uint64_t word[MESSAGE_WORDS];
};

// Before and after STEP: ends the program when it made a capability from nothing.
void authority_before(const struct authority_step *step);
void authority_after(const struct authority_step *step);
