// The way of an answer back: all checks first, then all effects.
#pragma once

#include "kernel/object/task.h"

// Effects that an answer on the short way may have, see commit_effects.
#define REPLY_SIMPLE (REPLY_WRITE | REPLY_ADVANCE | REPLY_RAISE | REPLY_MAP)

// The answer to an exit by FLAGS that are neither of the short forms. Of the words, those that the
// simple effects need are arguments; word[1] is in the task's saved registers. Returns the context
// to run next, or NULL.
struct context *commit_effects(struct task *task, uint64_t flags, uint64_t word2, uint64_t word3,
                               uint64_t word4, uint64_t word5, uint64_t word6, uint64_t word0);

// TASK answers what it serves with FLAGS and WORD (ipc/message.h) and waits for the next record.
// Returns the context to run next, or NULL.
struct context *commit_reply(struct task *task, uint64_t flags, const uint64_t word[MESSAGE_WORDS]);
