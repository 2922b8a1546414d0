// CREATE and DESTROY.
#include "arch/task.h"
#include "arch/vcpu_pages.h"
#include "kernel/cpu.h"
#include "kernel/object/irq.h"
#include "kernel/object/portal.h"
#include "kernel/object/space.h"
#include "kernel/object/vcpu.h"
#include "kernel/syscall/syscall.h"

#define TASK_PAGES_MAX 16 // they are cleared while everybody waits

// Takes the pages that the caller names, the first CLEAR of them zeroed, for an object of TYPE, and
// makes the capability. Nothing can fail behind it. NULL: *STATUS, which may say so already, says
// why not.
static void *create_take(struct task *task, enum object_type type, uint64_t clear,
                         enum status *status) {
    uint64_t first = syscall_arg(task, 1), pages = syscall_arg(task, 2),
             slot = syscall_arg(task, 3);
    if (!cap_find(task, syscall_arg(task, 0), OBJECT_POOL, RIGHT_MANAGE, status)) {
        return NULL;
    }
    *status = cap_check_free(task, slot);
    if (*status == STATUS_OK) {
        *status = first > UINT16_MAX || pages > UINT16_MAX
                      ? STATUS_RANGE
                      : pool_take((uint32_t)first, (uint32_t)pages, (uint32_t)clear, type);
    }
    if (*status != STATUS_OK) {
        return NULL;
    }
    cap_set_object(task, slot, (uint32_t)first);
    return pool_object((uint32_t)first);
}

// The space that a new task or vCPU is to be in. A capability names the first page, where the root
// is; the struct follows.
static struct space *create_in(const struct task *task, enum space_kind kind, enum status *status) {
    const struct cap *cap =
        cap_find(task, syscall_arg(task, 4), OBJECT_SPACE, RIGHT_MANAGE, status);
    struct space *space = cap ? space_at(cap->index) : NULL;
    if (space && space->kind != kind) {
        *status = STATUS_WRONG_TYPE;
    }
    return space;
}

static enum status create_task(struct task *task) {
    enum status status = STATUS_OK;
    uint64_t pages = syscall_arg(task, 2);
    struct space *space = create_in(task, SPACE_TASK, &status);
    if (status == STATUS_OK && pages > TASK_PAGES_MAX) {
        return STATUS_RANGE;
    }
    struct task *new = create_take(task, OBJECT_TASK, pages, &status);
    if (new) {
        task_init(new, (uint32_t)pages, space, task->context.cpu);
    }
    return status;
}

static enum status create_vcpu(struct task *task) {
    enum status status = STATUS_OK;
    uint64_t number = syscall_arg(task, 5);
    struct space *space = create_in(task, SPACE_GUEST, &status);
    if (status != STATUS_OK) {
        return status;
    }
    if (number >= SYSCALL_VCPUS_MAX || syscall_arg(task, 2) != ARCH_VCPU_PAGES) {
        return STATUS_RANGE;
    }
    if (space->vcpu[number]) {
        return STATUS_EXISTS;
    }
    struct vcpu *vcpu = create_take(task, OBJECT_VCPU, ARCH_VCPU_PAGES, &status);
    if (vcpu) {
        vcpu_init(vcpu, space, (uint8_t)number, task->context.cpu);
    }
    return status;
}

static enum status create_space(struct task *task) {
    uint64_t first = syscall_arg(task, 1), pages = syscall_arg(task, 2);
    enum space_kind kind = (enum space_kind)syscall_arg(task, 4);
    enum status status = space_check(kind, (uint32_t)first, (uint32_t)pages);
    // It clears its tables when it takes them.
    if (create_take(task, OBJECT_SPACE, ARCH_SPACE_ROOT_PAGES + 1, &status)) {
        space_init(kind, (uint32_t)first, (uint32_t)pages);
    }
    return status;
}

static enum status create_portal(struct task *task) {
    enum status status = syscall_arg(task, 2) == 1 ? STATUS_OK : STATUS_RANGE;
    struct portal *portal = create_take(task, OBJECT_PORTAL, 1, &status);
    if (portal) {
        portal_init(portal, syscall_arg(task, 4));
    }
    return status;
}

static enum status create_irq(struct task *task) {
    struct cpu *cpu = task->context.cpu;
    uint64_t line = syscall_arg(task, 4);
    if (line == 0 || line >= IRQ_LINES || syscall_arg(task, 2) != 1) {
        return STATUS_RANGE;
    }
    enum status status = cpu->irq[line] ? STATUS_EXISTS : STATUS_OK;
    struct irq *irq = create_take(task, OBJECT_IRQ, 1, &status);
    if (irq) {
        irq_init(irq, cpu, (uint32_t)line);
    }
    return status;
}

enum status syscall_create(struct task *task) {
    static enum status (*const create[OBJECT_COUNT])(struct task *) = {
        [OBJECT_TASK] = create_task,     [OBJECT_SPACE] = create_space, [OBJECT_VCPU] = create_vcpu,
        [OBJECT_PORTAL] = create_portal, [OBJECT_IRQ] = create_irq,
    };
    uint64_t type = syscall_selector(task);
    return type < OBJECT_COUNT && create[type] ? create[type](task) : STATUS_WRONG_TYPE;
}

// What comes and goes are servers: their tasks and spaces. All else is there as long as the
// machine.
enum status syscall_destroy(struct task *task) {
    uint64_t slot = syscall_selector(task);
    if (cap_check_free(task, slot) != STATUS_EXISTS) {
        return STATUS_NO_CAP;
    }
    struct cap *cap = &task->cap[slot];
    if (cap->type != OBJECT_TASK && cap->type != OBJECT_SPACE) {
        return STATUS_WRONG_TYPE;
    }
    if (!(cap->rights & RIGHT_MANAGE)) {
        return STATUS_DENIED;
    }
    struct space *space = cap->type == OBJECT_SPACE ? space_at(cap->index) : NULL;
    if (space ? space->users != 0 : pool_object(cap->index) == task) {
        return STATUS_BUSY;
    }
    if (space) {
        arch_space_end(space, task->context.cpu);
    } else {
        task_end(pool_object(cap->index));
    }
    pool_free(cap->index);
    *cap = (struct cap){0};
    return STATUS_OK;
}
