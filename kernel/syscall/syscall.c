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

struct context *syscall_call(struct task *task, uint64_t slot) {
    const uint64_t *word = regs_words(&task->context.regs);
    struct record *record = &task->call;
    enum status status = STATUS_OK;
    if (unlikely(task->context.cpu->fast)) {
        forward_settle(task->context.cpu);
    }
    const struct cap *cap = cap_find(task, slot, OBJECT_PORTAL, RIGHT_CALL, &status);
    if (unlikely(!cap)) {
        return syscall_return(task, status);
    }
    // The point of no return.
    struct portal *portal = pool_object(cap->index);
    for (int i = 0; i < MESSAGE_WORDS; i++) {
        record->word[i] = word[i];
    }
    record->badge = cap->base;
    record->info = MESSAGE_INFO(EXIT_CALL, 0, 0);
    record->seq++;
    task->state = TASK_CALLING;
    if (likely(portal->waiting)) {
        return &portal_hand_over(portal, record, record->word)->context;
    }
    portal_queue(portal, record);
    return sched_next(task->context.cpu);
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
        return syscall_call(task, syscall_selector(task));
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
