#include "tests/fuzz/kernel/authority.h"

#include <string.h>

#include "arch/fake/core/machine.h"
#include "arch/panic.h"
#include "kernel/object/pool.h"

#define TASKS 128
#define CAPS 3072

#define require(condition, message) machine_require(condition, message)

// All tables as they were before the step.
static struct {
    const struct task *task;
    uint32_t count;
    struct cap cap[CAPS];
} before[TASKS];
static unsigned before_count;
static unsigned actor; // whose step it is

static bool is_alive(const struct cap *cap) {
    return cap->type == OBJECT_FRAME || cap->type == OBJECT_POOL ||
           (cap->type != OBJECT_NONE && pool.page[cap->index].generation == cap->generation);
}

void authority_before(const struct authority_step *step) {
    before_count = 0;
    for (uint32_t i = 0; i < pool.count && before_count < TASKS; i++) {
        if (pool.page[i].type != OBJECT_TASK || !pool.page[i].pages) {
            continue;
        }
        const struct task *task = pool_object(i);
        require(task->cap_count <= CAPS, "a table of capabilities has no end");
        if (task == step->task) {
            actor = before_count;
        }
        before[before_count].task = task;
        before[before_count].count = task->cap_count;
        memcpy(before[before_count].cap, task->cap, task->cap_count * sizeof(struct cap));
        before_count++;
    }
    require(before[actor].task == step->task, "the task that acts is not there");
}

// Does COPY say no more than FROM?
static bool is_derived(const struct cap *copy, const struct cap *from) {
    if (!is_alive(from) || copy->type != from->type || (copy->rights & ~from->rights) ||
        !(from->rights & RIGHT_GRANT)) {
        return false;
    }
    if (copy->type == OBJECT_FRAME) {
        return copy->base >= from->base && copy->size <= from->size &&
               copy->base - from->base <= from->size - copy->size;
    }
    return copy->index == from->index && copy->generation == from->generation;
}

// May the step have put CAP into SLOT of TASK?
static bool is_allowed(const struct authority_step *step, const struct task *task, uint32_t slot,
                       const struct cap *cap) {
    const struct cap *own = before[actor].cap;
    uint32_t count = before[actor].count;
    if (step->call == SYSCALL_CREATE) {
        uint64_t with = step->word[0];
        return task == step->task && slot == step->word[3] && cap->type == step->selector &&
               cap->index == step->word[1] && with < count && own[with].type == OBJECT_POOL &&
               (own[with].rights & RIGHT_MANAGE);
    }
    if (step->call == SYSCALL_GRANT) {
        uint64_t to = step->selector;
        uint64_t from = step->word[1];
        return to < count && own[to].type == OBJECT_TASK && (own[to].rights & RIGHT_MANAGE) &&
               pool_object(own[to].index) == task && slot == step->word[0] && from < count &&
               is_derived(cap, &own[from]);
    }
    return false;
}

void authority_after(const struct authority_step *step) {
    for (unsigned t = 0; t < before_count; t++) {
        const struct task *task = before[t].task;
        uint32_t page = pool_index(task);
        if (pool.page[page].type != OBJECT_TASK || !pool.page[page].pages) {
            continue; // destroyed
        }
        for (uint32_t slot = 0; slot < task->cap_count; slot++) {
            const struct cap *now = &task->cap[slot];
            if (!is_alive(now) || memcmp(now, &before[t].cap[slot], sizeof(*now)) == 0) {
                continue;
            }
            require(slot != 0, "a capability in slot 0");
            require(is_allowed(step, task, slot, now), "a capability from nowhere");
        }
    }
}
