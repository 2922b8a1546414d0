// The architecture's part of a task.
#pragma once

#include "kernel/object/task.h"

// A new task: its registers, and task->translation from task->space.
void arch_task_init(struct task *task);

// Its first instruction will be PC, with SP, TP and ARGUMENT in the first argument register.
void arch_task_start(struct task *task, uint64_t pc, uint64_t sp, uint64_t tp, uint64_t argument);

// It goes on at its receive entry, where INFO and the rest of RECORD travel beside the words
// (ipc/message.h), which are in its registers already.
void arch_task_arrive(struct task *task, const struct record *record, uint64_t info);

// The task ends: nothing of it may stay in the hardware.
void arch_task_end(struct task *task);
