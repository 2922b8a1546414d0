// CREATE and DESTROY.
#include "arch/task.h"
#include "arch/vcpu_pages.h"
#include "kernel/cpu.h"
#include "kernel/object/irq.h"
#include "kernel/object/portal.h"
#include "kernel/object/space.h"
#include "kernel/object/vcpu.h"
#include "kernel/syscall/syscall.h"

#define TASK_PAGES_MAX 16

// What CREATE was asked for.
struct request {
    enum object_type type;
    uint64_t first, pages, slot; // in the pool; for the new capability
    uint64_t argument[2];        // by type
    struct space *space;         // of a task or vCPU
};

// A space's capability names its first page, where the root is; the struct follows.
static enum status create_in_space(const struct task *task, struct request *request,
                                   enum space_kind kind) {
    enum status status = STATUS_OK;
    const struct cap *cap =
        cap_find(task, request->argument[0], OBJECT_SPACE, RIGHT_MANAGE, &status);
    if (status != STATUS_OK) {
        return status;
    }
    request->space = space_at(cap->index);
    return request->space->kind == kind ? STATUS_OK : STATUS_WRONG_TYPE;
}

static enum status create_check_vcpu(const struct task *task, struct request *request) {
    enum status status = create_in_space(task, request, SPACE_GUEST);
    if (status != STATUS_OK) {
        return status;
    }
    if (request->argument[1] >= SYSCALL_VCPUS_MAX || request->pages != ARCH_VCPU_PAGES) {
        return STATUS_RANGE;
    }
    return request->space->vcpu[request->argument[1]] ? STATUS_EXISTS : STATUS_OK;
}

static enum status create_check_irq(const struct task *task, const struct request *request) {
    uint64_t line = request->argument[0];
    if (line == 0 || line >= IRQ_LINES || request->pages != 1) {
        return STATUS_RANGE;
    }
    return task->context.cpu->irq[line] ? STATUS_EXISTS : STATUS_OK;
}

// What each type asks for beyond the pages.
static enum status create_check(const struct task *task, struct request *request) {
    enum status status;
    switch (request->type) {
    case OBJECT_TASK:
        status = create_in_space(task, request, SPACE_TASK);
        return status == STATUS_OK && request->pages > TASK_PAGES_MAX ? STATUS_RANGE : status;
    case OBJECT_VCPU:
        return create_check_vcpu(task, request);
    case OBJECT_IRQ:
        return create_check_irq(task, request);
    case OBJECT_SPACE:
        return space_check((enum space_kind)request->argument[0], (uint32_t)request->first,
                           (uint32_t)request->pages);
    case OBJECT_PORTAL:
        return request->pages == 1 ? STATUS_OK : STATUS_RANGE;
    default:
        return STATUS_WRONG_TYPE;
    }
}

static enum status create_take(const struct task *task, const struct request *request) {
    enum status status = STATUS_OK;
    if (!cap_find(task, syscall_arg(task, 0), OBJECT_POOL, RIGHT_MANAGE, &status)) {
        return status;
    }
    status = cap_check_free(task, request->slot);
    if (status != STATUS_OK) {
        return status;
    }
    if (request->first > UINT16_MAX || request->pages > UINT16_MAX) {
        return STATUS_RANGE;
    }
    // A space clears its tables when it takes them.
    uint64_t clear = request->type == OBJECT_SPACE ? ARCH_SPACE_ROOT_PAGES + 1 : request->pages;
    return pool_take((uint32_t)request->first, (uint32_t)request->pages, (uint32_t)clear,
                     request->type);
}

// Cannot fail: all was checked, and the pages are there, cleared.
static void create_make(const struct task *task, const struct request *request) {
    void *object = pool_object((uint32_t)request->first);
    struct cpu *cpu = task->context.cpu;
    switch (request->type) {
    case OBJECT_TASK:
        task_init(object, (uint32_t)request->pages, request->space, cpu);
        break;
    case OBJECT_VCPU:
        vcpu_init(object, request->space, (uint8_t)request->argument[1], cpu);
        break;
    case OBJECT_IRQ:
        irq_init(object, cpu, (uint32_t)request->argument[0]);
        break;
    case OBJECT_SPACE:
        space_init((enum space_kind)request->argument[0], (uint32_t)request->first,
                   (uint32_t)request->pages);
        break;
    default:
        portal_init(object, request->argument[0]);
    }
}

enum status syscall_create(struct task *task) {
    struct request request = {
        .type = (enum object_type)syscall_selector(task),
        .first = syscall_arg(task, 1),
        .pages = syscall_arg(task, 2),
        .slot = syscall_arg(task, 3),
        .argument = {syscall_arg(task, 4), syscall_arg(task, 5)},
    };
    enum status status = create_check(task, &request);
    if (status == STATUS_OK) {
        status = create_take(task, &request);
    }
    if (status == STATUS_OK) {
        create_make(task, &request);
        cap_set_object(task, request.slot, (uint32_t)request.first);
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
