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
    forward_settle(task->context.cpu);
    const struct cap *cap = cap_find(task, slot, OBJECT_PORTAL, RIGHT_CALL, &status);
    struct portal *portal = cap ? pool_object(cap->index) : NULL;
    if (unlikely(!portal || portal == task->portal)) { // else it would wait for itself
        return syscall_return(task, cap ? STATUS_BUSY : status);
    }
    // The point of no return.
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

static enum status syscall_signal(struct task *task) {
    enum status status = STATUS_OK;
    const struct cap *cap =
        cap_find(task, syscall_selector(task), OBJECT_PORTAL, RIGHT_CALL, &status);
    if (likely(cap)) {
        portal_signal(task->context.cpu, cap, syscall_arg(task, 0) == SIGNAL_LATER);
    }
    return status;
}

// Those that return at once.
static enum status (*const syscall_simple[SYSCALL_COUNT])(struct task *task) = {
    [SYSCALL_SIGNAL] = syscall_signal,   [SYSCALL_CREATE] = syscall_create,
    [SYSCALL_DESTROY] = syscall_destroy, [SYSCALL_MAP] = syscall_map,
    [SYSCALL_GRANT] = syscall_grant,     [SYSCALL_BIND] = syscall_bind,
    [SYSCALL_TASK] = syscall_task,       [SYSCALL_VCPU] = syscall_vcpu,
};

struct context *syscall_enter(struct task *task, uint64_t number) {
    struct cpu *cpu = task->context.cpu;
    forward_settle(cpu);
    switch (number) {
    case SYSCALL_REPLY_WAIT:
        return commit_reply(task, syscall_selector(task), regs_words(&task->context.regs));
    case SYSCALL_CALL:
        return syscall_call(task, syscall_selector(task));
    case SYSCALL_EXIT:
        task_die(task, FAULT_EXIT, syscall_arg(task, 0), 0);
        return sched_next(cpu);
    default:;
    }
    bool known = number < SYSCALL_COUNT;
    enum status status = known ? syscall_simple[number](task) : STATUS_INVALID;
    if (unlikely(task->state != TASK_READY)) {
        return sched_next(cpu); // it has stopped itself
    }
    return syscall_return(task, status);
}
