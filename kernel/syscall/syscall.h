// System calls: ipc/syscall.h says what each does. A handler reads its arguments from the caller's
// saved registers, checks all of them, then acts. Those that return at once give back a status and
// leave results in the caller's argument registers; the three that do not are in syscall.c.
#pragma once

#include "kernel/object/task.h"

// Runs system call NUMBER of TASK. Returns the context to run next, or NULL.
struct context *syscall_enter(struct task *task, uint64_t number);

// CALL, for the architecture's vector: the portal's slot apart, for it is the one that must be
// short.
struct context *syscall_call(struct task *task, uint64_t slot);

enum status syscall_create(struct task *task);
enum status syscall_destroy(struct task *task);
enum status syscall_map(struct task *task);
enum status syscall_grant(struct task *task);
enum status syscall_bind(struct task *task);
enum status syscall_task(struct task *task);
enum status syscall_vcpu(struct task *task);

// Argument INDEX (0…7), and the selector that travels beside the number.
static inline uint64_t syscall_arg(const struct task *task, unsigned index) {
    return regs_word(&task->context.regs, index);
}

// The object whose slot is argument INDEX, as cap_object has it.
static inline void *syscall_object(const struct task *task, unsigned index, enum object_type type,
                                   unsigned rights, enum status *status) {
    return cap_object(task, syscall_arg(task, index), type, rights, status);
}

static inline uint64_t syscall_selector(const struct task *task) {
    return regs_selector(&task->context.regs);
}

static inline void syscall_result(struct task *task, unsigned index, uint64_t value) {
    regs_set_word(&task->context.regs, index, value);
}
