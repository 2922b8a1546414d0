#include "kernel/object/portal.h"

#include "arch/time.h"
#include "kernel/cpu.h"
#include "kernel/object/task.h"
#include "kernel/sched/sched.h"

void portal_init(struct portal *portal, uint64_t deadline_ticks) {
    portal->deadline_ticks = deadline_ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)deadline_ticks;
    portal->signal.owner = RECORD_SIGNAL;
    portal->signal.info = MESSAGE_INFO(EXIT_SIGNAL, 0, 0);
}

COLD struct task *portal_queue(struct portal *portal, struct record *record) {
    record->portal = portal;
    record->server = NULL;
    record->next = NULL;
    *(portal->tail ? &portal->tail->next : &portal->head) = record;
    portal->tail = record;
    return NULL;
}

struct task *portal_send(struct portal *portal, struct record *record) {
    struct task *task = portal->waiting;
    if (!task) {
        return portal_queue(portal, record);
    }
    record->portal = portal;
    portal->waiting = NULL;
    task_receive(task, record);
    return task;
}

void portal_post(struct portal *portal, struct record *record) {
    struct task *task = portal_send(portal, record);
    if (task) {
        sched_ready(&task->context);
    }
}

void portal_send_again(struct record *record) {
    struct portal *portal = record->portal;
    record->server = NULL;
    record->next = portal->head;
    portal->head = record;
    if (!portal->tail) {
        portal->tail = record;
    }
}

struct record *portal_take(struct portal *portal) {
    struct record *record = portal->head;
    portal->head = record->next;
    if (!portal->head) {
        portal->tail = NULL;
    }
    record->next = NULL;
    return record;
}

void portal_cancel(struct record *record) {
    struct portal *portal = record->portal;
    if (!portal) {
        return;
    }
    if (record->server) {
        record->server->serving = NULL;
        record->server->exit = NULL;
        record->server = NULL;
    } else {
        // As long as the queue, which holds at most one record of each object there is.
        struct record *before = NULL;
        for (struct record *r = portal->head; r; before = r, r = r->next) {
            if (r == record) {
                *(before ? &before->next : &portal->head) = r->next;
                if (portal->tail == r) {
                    portal->tail = before;
                }
                break;
            }
        }
    }
    record->portal = NULL;
    record->next = NULL;
}

static void portal_signal_send(struct portal *portal) {
    portal->signal.word[0] = portal->signals;
    portal->signals = 0;
    portal->signal.seq++;
    portal_post(portal, &portal->signal);
}

void portal_signal(struct cpu *cpu, const struct cap *cap, bool later) {
    struct portal *portal = pool_object(cap->index);
    if (later && (!cap_alive(&cpu->later) || cpu->later.index == cap->index)) {
        cpu->later = *cap;
        return;
    }
    portal->signals++;
    if (!portal->signal.portal) { // else on its way, or served: portal_signal_done sends it again
        portal->signal.badge = cap->base;
        portal_signal_send(portal);
    }
}

void portal_tick(struct cpu *cpu) {
    struct cap cap = cpu->later;
    cpu->later.type = OBJECT_NONE;
    if (cap_alive(&cap)) {
        portal_signal(cpu, &cap, false);
    }
}

void portal_signal_done(struct portal *portal) {
    if (portal->signals) {
        portal_signal_send(portal);
    }
}

void portal_bind(struct portal *portal, struct task *task) {
    struct task *old = portal->receiver;
    if (old) {
        old->portal = NULL;
        old->exit = NULL; // its answer, if it owes one, takes the long way
        portal->waiting = NULL;
        // It may be at a record of this portal, unless it was never let in: another is `held`.
        if ((old->state == TASK_READY || old->state == TASK_CALLING) && !portal->held) {
            portal->held = old;
            old->leaving = portal;
        }
    }
    portal->receiver = task;
    task->portal = portal;
    if (task->leaving) { // it comes back
        task->leaving = NULL;
        portal->held = NULL;
    }
    if (!portal->held) {
        portal_admit(portal);
    }
}

void portal_admit(struct portal *portal) {
    struct task *task = portal->receiver;
    portal->held = NULL;
    if (!task) {
        return; // it died before it came to receive
    }
    if (!portal->lost) {
        portal->lost = arch_instructions();
    }
    if (task->state == TASK_WAITING) {
        task_wait(task); // here, from now on
    }
}

void portal_unbind(struct task *task) {
    struct portal *portal = task->leaving ? task->leaving : task->portal;
    if (!portal) {
        return;
    }
    if (portal->held == task) {
        portal->held = NULL;
    }
    if (portal->receiver) {
        portal->receiver->portal = NULL;
    }
    portal->receiver = NULL;
    portal->waiting = NULL;
    if (!portal->lost) { // else its successor died before it answered anything
        portal->lost = arch_instructions();
    }
    task->leaving = NULL;
}

COLD void portal_found(struct portal *portal) {
    portal->pause = arch_instructions() - portal->lost;
    portal->lost = 0;
}
