// The system calls that init makes.
#include <string.h>

#include "ipc/fault.h"
#include "tests/unit/init/core.h"

void (*core_started)(struct core_task *task);
void (*core_interrupts)(void);

static enum status bind_portal(struct rt_words *words) {
    struct core_portal *portal = core_portal_at((unsigned)words->word[0]);
    struct core_task *task = core_task_at((unsigned)words->word[1]);
    if (!portal || !task) {
        return STATUS_NO_CAP;
    }
    uint8_t number = CORE_NUMBER(core.portal, portal);
    if (task->portal != CORE_NONE || task->state == TASK_DEAD ||
        (task->leaving != CORE_NONE && task->leaving != number)) {
        return STATUS_BUSY;
    }
    words->word[0] = portal->pause;
    portal->pause = 0;
    if (portal->receiver != CORE_NONE) {
        struct core_task *old = &core.task[portal->receiver];
        old->portal = CORE_NONE;
        if ((old->state == TASK_READY || old->state == TASK_CALLING) && portal->held == CORE_NONE) {
            portal->held = portal->receiver;
            old->leaving = number;
        }
    }
    portal->receiver = CORE_NUMBER(core.task, task);
    task->portal = number;
    if (task->leaving != CORE_NONE) {
        task->leaving = CORE_NONE;
        portal->held = CORE_NONE;
    }
    core_deliver(portal);
    return STATUS_OK;
}

static enum status bind(uint64_t what, struct rt_words *words) {
    struct core_task *task = core_task_at((unsigned)words->word[0]);
    struct core_vcpu *vcpu = core_vcpu_at((unsigned)words->word[0]);
    switch ((enum bind)what) {
    case BIND_PORTAL:
        return bind_portal(words);
    case BIND_FAULT:
        if (!task || !core_portal_at((unsigned)words->word[1])) {
            return STATUS_NO_CAP;
        }
        task->fault_bound = true;
        task->fault_badge = words->word[2];
        return STATUS_OK;
    case BIND_ROUTE:
        if (!vcpu || !core_portal_at((unsigned)words->word[2])) {
            return STATUS_NO_CAP;
        }
        vcpu->route[words->word[1]] = core.slot[words->word[2]].number;
        vcpu->route_badge = (uint8_t)words->word[3];
        return STATUS_OK;
    default:
        return STATUS_OK; // interrupts are not init's matter any more
    }
}

// --- what is asked of tasks and vCPUs

static enum status task_call(struct core_task *task, struct rt_words *words) {
    uint64_t op = words->word[0];
    if (!task) {
        return STATUS_NO_CAP;
    }
    switch ((enum task_op)op) {
    case TASK_START:
        if (task->state != TASK_NEW) {
            return STATUS_BUSY;
        }
        task->state = TASK_READY;
        task->entry = words->word[1];
        task->argument = words->word[4];
        if (core_started) {
            core_started(task);
        }
        return STATUS_OK;
    case TASK_STOP:
        if (task->state == TASK_DEAD) {
            return STATUS_BUSY;
        }
        core_task_dies(task, FAULT_STOPPED, task->pc, 0);
        return STATUS_OK;
    case TASK_READ:
        *words = (struct rt_words){
            .word = {task->state, task->pc, task->serves ? task->serving.seq : 0, task->receive_pc,
                     task->portal == CORE_NONE ? 0 : core.portal[task->portal].pause, task->a0}};
        return STATUS_OK;
    case TASK_GUEST:
        task->guest = words->word[1] == 1;
        return STATUS_OK;
    default:
        return STATUS_INVALID;
    }
}

// Its exit, if one is pending, is nobody's any more.
static void vcpu_stops(struct core_vcpu *vcpu) {
    vcpu->state = VCPU_OFF;
    for (unsigned i = 1; i < CORE_PORTALS; i++) {
        struct core_portal *portal = &core.portal[i];
        unsigned kept = 0;
        for (unsigned n = 0; n < portal->count; n++) {
            const struct core_record *record = &portal->queue[n];
            if (record->c >= EXIT_GUEST_CLASSES || record->badge != vcpu->route_badge) {
                portal->queue[kept++] = *record;
            }
        }
        portal->count = (uint8_t)kept;
    }
}

static enum status vcpu_call(struct core_vcpu *vcpu, struct rt_words *words) {
    if (!vcpu) {
        return STATUS_NO_CAP;
    }
    switch ((enum vcpu_op)words->word[0]) {
    case VCPU_START:
        vcpu->state = VCPU_RUNNABLE;
        return STATUS_OK;
    case VCPU_STOP:
        vcpu_stops(vcpu);
        return STATUS_OK;
    case VCPU_TRACE:
        vcpu->traced = words->word[1] == 1;
        return STATUS_OK;
    case VCPU_COUNTERS:
        memcpy(words->word, vcpu->count, sizeof(vcpu->count));
        return STATUS_OK;
    case VCPU_TIMES:
        memcpy(words->word, vcpu->spent, sizeof(vcpu->spent));
        return STATUS_OK;
    case VCPU_STATE:
        words->word[0] = vcpu->state;
        words->word[1] = 0x80200000;
        words->word[2] = 77;
        return STATUS_OK;
    default:
        return STATUS_OK;
    }
}

enum status rt_system_call(enum syscall number, uint64_t selector, struct rt_words *words) {
    enum status status;
    unsigned slot = (unsigned)selector;
    bool matters = number == SYSCALL_DESTROY || number == SYSCALL_BIND || number == SYSCALL_TASK;
    if (matters && core_interrupts) {
        core_interrupts();
    }
    switch (number) {
    case SYSCALL_CREATE:
        status = core_create_object(selector, words);
        break;
    case SYSCALL_DESTROY:
        status = core_destroy_object(selector);
        break;
    case SYSCALL_GRANT:
        status = core_give(core_task_at(slot), words);
        break;
    case SYSCALL_BIND:
        status = bind(selector, words);
        break;
    case SYSCALL_TASK:
        status = task_call(core_task_at(slot), words);
        break;
    case SYSCALL_VCPU:
        status = vcpu_call(core_vcpu_at(slot), words);
        break;
    case SYSCALL_EXIT:
        core_end(words->word[0]);
    default:
        status = STATUS_INVALID;
        break;
    }
    return status;
}
