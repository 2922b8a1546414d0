// The way of an answer back: all checks first, then all effects.
#pragma once

#include "kernel/object/task.h"

// TASK answers what it serves with FLAGS and WORD (ipc/message.h) and waits for the next record.
// Returns the context to run next, or NULL.
struct context *commit_reply(struct task *task, uint64_t flags, const uint64_t word[MESSAGE_WORDS]);
