#include "kernel/syscall/syscall.h"

#include "kernel/exit/commit.h"
#include "kernel/exit/forward.h"
#include "kernel/object/portal.h"
#include "kernel/sched/sched.h"

static struct context *syscall_return(struct task *task, enum status status) {
    regs_set_status(&task->context.regs, status);
    task->context.quick = true;
    return &task->context;
}

static struct context *syscall_call(struct task *task) {
    enum status status = STATUS_OK;
    const struct cap *cap =
        cap_find(task, syscall_selector(task), OBJECT_PORTAL, RIGHT_CALL, &status);
    if (unlikely(!cap)) {
        return syscall_return(task, status);
    }
    // The point of no return.
    struct record *record = &task->call;
    const uint64_t *word = regs_words(&task->context.regs);
    for (int i = 0; i < MESSAGE_WORDS; i++) {
        record->word[i] = word[i];
    }
    record->badge = cap->base;
    record->attempts = 0;
    record->seq++;
    task->state = TASK_CALLING;
    struct task *server = portal_send(pool_object(cap->index), record);
    return likely(server) ? &server->context : sched_next(task->context.cpu);
}

static struct context *syscall_signal(struct task *task) {
    enum status status = STATUS_OK;
    const struct cap *cap =
        cap_find(task, syscall_selector(task), OBJECT_PORTAL, RIGHT_CALL, &status);
    if (unlikely(!cap)) {
        return syscall_return(task, status);
    }
    struct task *receiver = portal_signal(pool_object(cap->index), cap->base);
    if (receiver) {
        sched_ready(&receiver->context);
    }
    return syscall_return(task, STATUS_OK);
}

static struct context *syscall_exit(struct task *task) {
    struct cpu *cpu = task->context.cpu;
    task_die(task, FAULT_EXIT, syscall_arg(task, 0), 0);
    return sched_next(cpu);
}

struct context *syscall_enter(struct task *task, uint64_t number) {
    struct cpu *cpu = task->context.cpu;
    enum status status;
    forward_settle(cpu);
    switch (number) {
    case SYSCALL_REPLY_WAIT:
        return commit_reply(task, syscall_selector(task), regs_words(&task->context.regs));
    case SYSCALL_CALL:
        return syscall_call(task);
    case SYSCALL_SIGNAL:
        return syscall_signal(task);
    case SYSCALL_EXIT:
        return syscall_exit(task);
    case SYSCALL_CREATE:
        status = syscall_create(task);
        break;
    case SYSCALL_DESTROY:
        status = syscall_destroy(task);
        break;
    case SYSCALL_MAP:
        status = syscall_map(task);
        break;
    case SYSCALL_UNMAP:
        status = syscall_unmap(task);
        break;
    case SYSCALL_GRANT:
        status = syscall_grant(task);
        break;
    case SYSCALL_BIND:
        status = syscall_bind(task);
        break;
    case SYSCALL_TASK:
        status = syscall_task(task);
        break;
    case SYSCALL_VCPU:
        status = syscall_vcpu(task);
        break;
    default:
        status = STATUS_INVALID;
        break;
    }
    if (unlikely(task->state != TASK_READY)) {
        return sched_next(cpu); // it has stopped itself
    }
    return syscall_return(task, status);
}
