// CREATE and DESTROY.
#include "arch/irq.h"
#include "arch/task.h"
#include "arch/vcpu_pages.h"
#include "kernel/cpu.h"
#include "kernel/object/irq.h"
#include "kernel/object/portal.h"
#include "kernel/object/space.h"
#include "kernel/object/vcpu.h"
#include "kernel/syscall/syscall.h"

#define TASK_PAGES_MAX 16

// What CREATE was asked for, checked step by step.
struct request {
    enum object_type type;
    uint32_t first;
    uint32_t pages;
    uint64_t slot;
};

static enum status create_take(const struct task *task, struct request *request) {
    enum status status = STATUS_OK;
    uint64_t first = syscall_arg(task, 1);
    uint64_t pages = syscall_arg(task, 2);
    request->type = (enum object_type)syscall_selector(task);
    request->slot = syscall_arg(task, 3);
    if (!cap_find(task, syscall_arg(task, 0), OBJECT_POOL, RIGHT_MANAGE, &status)) {
        return status;
    }
    status = cap_check_free(task, request->slot);
    if (status != STATUS_OK) {
        return status;
    }
    if (first > UINT16_MAX || pages > UINT16_MAX) {
        return STATUS_RANGE;
    }
    request->first = (uint32_t)first;
    request->pages = (uint32_t)pages;
    // A space clears its tables when it takes them.
    uint32_t clear = request->type == OBJECT_SPACE ? ARCH_SPACE_ROOT_PAGES + 1 : request->pages;
    return pool_take(request->first, request->pages, clear, request->type);
}

// A space's capability names its first page, where the root is; the struct follows.
static struct space *create_space(const struct task *task, uint64_t slot, enum space_kind kind,
                                  enum status *status) {
    const struct cap *cap = cap_find(task, slot, OBJECT_SPACE, RIGHT_MANAGE, status);
    if (!cap) {
        return NULL;
    }
    struct space *space = space_at(cap->index);
    if (space->kind != kind) {
        *status = STATUS_WRONG_TYPE;
        return NULL;
    }
    return space;
}

static enum status create_task(struct task *task, struct request *request) {
    enum status status = STATUS_OK;
    struct space *space = create_space(task, syscall_arg(task, 4), SPACE_TASK, &status);
    uint64_t pages = syscall_arg(task, 2);
    if (!space) {
        return status;
    }
    if (pages > TASK_PAGES_MAX) {
        return STATUS_RANGE;
    }
    status = create_take(task, request);
    if (status == STATUS_OK) {
        task_init(pool_object(request->first), request->pages, space, task->context.cpu);
    }
    return status;
}

static enum status create_vcpu(struct task *task, struct request *request) {
    enum status status = STATUS_OK;
    struct space *space = create_space(task, syscall_arg(task, 4), SPACE_GUEST, &status);
    uint64_t number = syscall_arg(task, 5);
    if (!space) {
        return status;
    }
    if (number >= SYSCALL_VCPUS_MAX || syscall_arg(task, 2) != ARCH_VCPU_PAGES) {
        return STATUS_RANGE;
    }
    if (space->vcpu[number]) {
        return STATUS_EXISTS;
    }
    status = create_take(task, request);
    if (status == STATUS_OK) {
        vcpu_init(pool_object(request->first), space, (uint8_t)number, task->context.cpu);
    }
    return status;
}

static enum status create_irq(struct task *task, struct request *request) {
    enum status status = STATUS_OK;
    uint64_t line = syscall_arg(task, 4);
    const struct cap *frame =
        cap_find(task, syscall_arg(task, 5), OBJECT_FRAME, RIGHT_R | RIGHT_W, &status);
    uint64_t context = syscall_arg(task, 6);
    if (!frame) {
        return status;
    }
    if (line == 0 || line >= IRQ_LINES || syscall_arg(task, 2) != 1 ||
        !arch_irq_fits(frame->size, context)) {
        return STATUS_RANGE;
    }
    if (frame->base & PAGE_MASK) {
        return STATUS_INVALID; // the core will touch registers there
    }
    if (task->context.cpu->irq[line]) {
        return STATUS_EXISTS;
    }
    status = create_take(task, request);
    if (status == STATUS_OK) {
        irq_init(pool_object(request->first), task->context.cpu, (uint32_t)line, HPA(frame->base),
                 (uint32_t)context);
    }
    return status;
}

enum status syscall_create(struct task *task) {
    struct request request;
    enum status status;
    switch (syscall_selector(task)) {
    case OBJECT_TASK:
        status = create_task(task, &request);
        break;
    case OBJECT_VCPU:
        status = create_vcpu(task, &request);
        break;
    case OBJECT_IRQ:
        status = create_irq(task, &request);
        break;
    case OBJECT_SPACE:
        status = space_check((enum space_kind)syscall_arg(task, 4), (uint32_t)syscall_arg(task, 1),
                             (uint32_t)syscall_arg(task, 2));
        if (status == STATUS_OK) {
            status = create_take(task, &request);
        }
        if (status == STATUS_OK) {
            space_init((enum space_kind)syscall_arg(task, 4), request.first, request.pages);
        }
        break;
    case OBJECT_PORTAL:
        status = syscall_arg(task, 2) == 1 ? create_take(task, &request) : STATUS_RANGE;
        if (status == STATUS_OK) {
            portal_init(pool_object(request.first), syscall_arg(task, 4));
        }
        break;
    default:
        return STATUS_WRONG_TYPE;
    }
    if (status == STATUS_OK) {
        cap_set_object(task, request.slot, request.first);
    }
    return status;
}

// Whoever serves a record of the portal is bound there, or held until it is done.
static bool destroy_may(const struct portal *portal) {
    return !portal->references && !portal->receiver && !portal->held && !portal->head;
}

static enum status destroy_object(struct task *task, const struct cap *cap) {
    void *object = pool_object(cap->index);
    struct space *space;
    switch (cap->type) {
    case OBJECT_TASK:
        if (object == task) {
            return STATUS_BUSY;
        }
        task_end(object);
        break;
    case OBJECT_VCPU:
        vcpu_end(object);
        break;
    case OBJECT_IRQ:
        irq_end(object);
        break;
    case OBJECT_PORTAL:
        if (!destroy_may(object)) {
            return STATUS_BUSY;
        }
        break;
    case OBJECT_SPACE:
        space = space_at(cap->index);
        if (space->users) {
            return STATUS_BUSY;
        }
        arch_space_end(space, task->context.cpu);
        break;
    default:
        return STATUS_WRONG_TYPE;
    }
    pool_free(cap->index);
    return STATUS_OK;
}

enum status syscall_destroy(struct task *task) {
    uint64_t slot = syscall_selector(task);
    if (cap_check_free(task, slot) != STATUS_EXISTS) {
        return STATUS_NO_CAP;
    }
    struct cap *cap = &task->cap[slot];
    if (cap->type == OBJECT_POOL) {
        return STATUS_WRONG_TYPE;
    }
    if (cap->type != OBJECT_FRAME) {
        if (!(cap->rights & RIGHT_MANAGE)) {
            return STATUS_DENIED;
        }
        enum status status = destroy_object(task, cap);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *cap = (struct cap){0};
    return STATUS_OK;
}
