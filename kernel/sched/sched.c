#include "kernel/sched/sched.h"

#include "kernel/cpu.h"
#include "kernel/exit/forward.h"
#include "kernel/object/task.h"
#include "kernel/object/vcpu.h"

static struct run_queue *sched_queue(struct context *context) {
    struct cpu *cpu = context->cpu;
    return context->queued == QUEUED_TASKS ? &cpu->tasks : &cpu->vcpus;
}

// Who answers goes before guests, but nobody waits for a task that no portal leads to: it is, say,
// a server's next version, which prepares while guests run.
static enum queued sched_place(const struct context *context) {
    const struct task *task = container_of(context, struct task, context);
    if (context->kind == CONTEXT_TASK && (task->portal || task->leaving || task->serving)) {
        return QUEUED_TASKS;
    }
    return QUEUED_VCPUS;
}

static void sched_insert(struct context *context, struct context *before) {
    context->queued = (uint8_t)sched_place(context);
    struct run_queue *queue = sched_queue(context);
    struct context *after = before ? before->prev : queue->tail;
    context->prev = after;
    context->next = before;
    *(after ? &after->next : &queue->head) = context;
    *(before ? &before->prev : &queue->tail) = context;
}

void sched_ready(struct context *context) {
    if (!context->queued) {
        sched_insert(context, NULL);
    }
}

void sched_remove(struct context *context) {
    if (!context->queued) {
        return;
    }
    struct run_queue *queue = sched_queue(context);
    *(context->prev ? &context->prev->next : &queue->head) = context->next;
    *(context->next ? &context->next->prev : &queue->tail) = context->prev;
    context->queued = QUEUED_NOT;
}

struct context *sched_next(struct cpu *cpu) {
    // Ends: each vCPU is taken out of the queue, and forwarding an exit puts none back.
    while (cpu->vcpus.head && (!cpu->tasks.head || unlikely(cpu->starved >= SCHED_STARVED))) {
        struct context *context = cpu->vcpus.head;
        sched_remove(context);
        if (unlikely(context->kind == CONTEXT_TASK)) {
            return context;
        }
        vcpu_of(context)->preempted = false;
        if (likely(!vcpu_of(context)->due)) {
            return context;
        }
        struct task *server = forward_due(vcpu_of(context));
        if (server) {
            return &server->context;
        }
    }
    struct context *task = cpu->tasks.head;
    if (task) {
        sched_remove(task);
    }
    return task;
}

// PREFERRED is a vCPU that must let others go first, or has an exit due.
COLD static struct context *sched_later(struct cpu *cpu, struct context *preferred) {
    struct vcpu *vcpu = vcpu_of(preferred);
    if (vcpu->due & DUE_TURN) {
        vcpu->due &= (uint8_t)~DUE_TURN;
        sched_ready(preferred);
    } else {
        vcpu->preempted = true;
        sched_insert(preferred, cpu->vcpus.head);
    }
    return sched_next(cpu);
}

HOT struct context *sched_choose(struct cpu *cpu, struct context *preferred) {
    if (unlikely(!preferred)) {
        return sched_next(cpu);
    }
    if (preferred->kind == CONTEXT_VCPU && unlikely(cpu->tasks.head || vcpu_of(preferred)->due)) {
        return sched_later(cpu, preferred);
    }
    return preferred;
}
