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
    struct portal *portal =
        cap_object(task, syscall_arg(task, 0), OBJECT_PORTAL, RIGHT_MANAGE, &status);
    if (!portal) {
        return status;
    }
    struct task *receiver =
        cap_object(task, syscall_arg(task, 1), OBJECT_TASK, RIGHT_MANAGE, &status);
    if (!receiver) {
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
    uint64_t class = syscall_arg(task, 1);
    struct vcpu *vcpu = cap_object(task, syscall_arg(task, 0), OBJECT_VCPU, RIGHT_MANAGE, &status);
    if (!vcpu) {
        return status;
    }
    struct portal *portal =
        cap_object(task, syscall_arg(task, 2), OBJECT_PORTAL, RIGHT_CALL, &status);
    if (!portal) {
        return status;
    }
    if (class >= EXIT_GUEST_CLASSES) {
        return STATUS_RANGE;
    }
    if (syscall_arg(task, 4) & ~(uint64_t)REPLY_ALL) {
        return STATUS_INVALID;
    }
    struct route *route = &vcpu->route[class];
    if (route->portal) {
        route->portal->references--;
    }
    portal->references++;
    *route = (struct route){
        .portal = portal,
        .badge = syscall_arg(task, 3),
        .may = (uint32_t)syscall_arg(task, 4),
        .write_mask = (uint32_t)syscall_arg(task, 5),
        .read_mask = (uint32_t)syscall_arg(task, 6),
        .simple = REPLY_FLAGS | (syscall_arg(task, 4) & REPLY_SIMPLE),
    };
    vcpu_update_fast(vcpu);
    return STATUS_OK;
}

static enum status bind_fault(struct task *task) {
    enum status status = STATUS_OK;
    struct task *watched =
        cap_object(task, syscall_arg(task, 0), OBJECT_TASK, RIGHT_MANAGE, &status);
    if (!watched) {
        return status;
    }
    struct portal *portal =
        cap_object(task, syscall_arg(task, 1), OBJECT_PORTAL, RIGHT_CALL, &status);
    if (!portal) {
        return status;
    }
    if (watched->fault_route.portal) {
        watched->fault_route.portal->references--;
    }
    portal->references++;
    watched->fault_route.portal = portal;
    watched->fault_route.badge = syscall_arg(task, 2);
    return STATUS_OK;
}

static enum status bind_irq(struct task *task) {
    enum status status = STATUS_OK;
    struct irq *irq = cap_object(task, syscall_arg(task, 0), OBJECT_IRQ, RIGHT_MANAGE, &status);
    if (!irq) {
        return status;
    }
    struct portal *portal =
        cap_object(task, syscall_arg(task, 1), OBJECT_PORTAL, RIGHT_CALL, &status);
    if (!portal) {
        return status;
    }
    irq_bind(irq, portal, syscall_arg(task, 2));
    return STATUS_OK;
}

enum status syscall_bind(struct task *task) {
    switch (syscall_selector(task)) {
    case BIND_PORTAL:
        return bind_portal(task);
    case BIND_ROUTE:
        return bind_route(task);
    case BIND_FAULT:
        return bind_fault(task);
    case BIND_IRQ:
        return bind_irq(task);
    default:
        return STATUS_INVALID;
    }
}
