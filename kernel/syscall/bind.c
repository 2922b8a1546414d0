// BIND: who receives what.
#include "kernel/exit/commit.h"
#include "kernel/object/irq.h"
#include "kernel/object/portal.h"
#include "kernel/object/vcpu.h"
#include "kernel/syscall/syscall.h"

// All effects that a reply can have.
#define REPLY_BIT(name, bit, text) | REPLY_##name
#define REPLY_ALL (0 REPLY_LIST(REPLY_BIT))

static enum status bind_portal(struct task *task) {
    enum status status = STATUS_OK;
    struct portal *portal = syscall_object(task, 0, OBJECT_PORTAL, RIGHT_MANAGE, &status);
    struct task *receiver = syscall_object(task, 1, OBJECT_TASK, RIGHT_MANAGE, &status);
    if (status != STATUS_OK) {
        return status;
    }
    // One that still serves must first be done with it, unless it comes back to where that is from.
    if (receiver->portal || receiver->state == TASK_DEAD ||
        (receiver->leaving && receiver->leaving != portal)) {
        return STATUS_BUSY;
    }
    syscall_result(task, 0, portal->pause);
    portal->pause = 0;
    portal_bind(portal, receiver);
    return STATUS_OK;
}

static enum status bind_route(struct task *task) {
    enum status status = STATUS_OK;
    uint64_t class = syscall_arg(task, 1), may = syscall_arg(task, 4);
    struct vcpu *vcpu = syscall_object(task, 0, OBJECT_VCPU, RIGHT_MANAGE, &status);
    struct portal *portal = syscall_object(task, 2, OBJECT_PORTAL, RIGHT_CALL, &status);
    if (status != STATUS_OK) {
        return status;
    }
    if (class >= EXIT_GUEST_CLASSES) {
        return STATUS_RANGE;
    }
    if (may & ~(uint64_t)REPLY_ALL) {
        return STATUS_INVALID;
    }
    struct route *route = &vcpu->route[class];
    route->portal = portal;
    route->badge = syscall_arg(task, 3);
    route->may = (uint32_t)may;
    route->write_mask = (uint32_t)syscall_arg(task, 5);
    route->read_mask = (uint32_t)syscall_arg(task, 6);
    route->simple = REPLY_FLAGS | (may & REPLY_SIMPLE);
    vcpu_update_fast(vcpu);
    return STATUS_OK;
}

// What is to be told of an object of TYPE, a task's death or a line's firing, is told there.
static enum status bind_source(struct task *task, enum object_type type) {
    enum status status = STATUS_OK;
    void *source = syscall_object(task, 0, type, RIGHT_MANAGE, &status);
    struct portal *portal = syscall_object(task, 1, OBJECT_PORTAL, RIGHT_CALL, &status);
    uint64_t badge = syscall_arg(task, 2);
    if (status == STATUS_OK && type == OBJECT_IRQ) {
        irq_bind(source, portal, badge);
    } else if (status == STATUS_OK) {
        struct task *watched = source;
        watched->fault_route.portal = portal;
        watched->fault_route.badge = badge;
    }
    return status;
}

enum status syscall_bind(struct task *task) {
    switch (syscall_selector(task)) {
    case BIND_PORTAL:
        return bind_portal(task);
    case BIND_ROUTE:
        return bind_route(task);
    case BIND_FAULT:
        return bind_source(task, OBJECT_TASK);
    case BIND_IRQ:
        return bind_source(task, OBJECT_IRQ);
    default:
        return STATUS_INVALID;
    }
}
