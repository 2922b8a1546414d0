// The architecture's part of a task.
#pragma once

#include "ipc/message.h"
#include "kernel/object/task.h"

// A new task: its registers, and task->translation from task->space.
void arch_task_init(struct task *task);

// Its first instruction will be PC, with SP, TP and ARGUMENT in the first argument register.
void arch_task_start(struct task *task, uint64_t pc, uint64_t sp, uint64_t tp, uint64_t argument);

// Lays RECORD out in the task's registers, at its receive entry (ipc/message.h).
void arch_task_receive(struct task *task, const struct record *record);

// The same for EXIT_REFUSED: the reply to RECORD was not accepted, for the reason STATUS.
void arch_task_refuse(struct task *task, const struct record *record, enum status status);

// The task goes on behind its CALL, with the reply's words and STATUS_OK.
void arch_task_answer(struct task *task, const uint64_t word[MESSAGE_WORDS]);

// The task ends: nothing of it may stay in the hardware.
void arch_task_end(struct task *task);
