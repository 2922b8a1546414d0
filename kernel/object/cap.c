#include "kernel/object/cap.h"

#include "kernel/object/task.h"

HOT bool cap_alive(const struct cap *cap) {
    if (cap->type == OBJECT_FRAME || cap->type == OBJECT_POOL) {
        return true;
    }
    return cap->type != OBJECT_NONE && pool.page[cap->index].generation == cap->generation;
}

HOT const struct cap *cap_find(const struct task *task, uint64_t slot, enum object_type type,
                               unsigned rights, enum status *status) {
    if (*status != STATUS_OK) {
        return NULL;
    }
    if (slot >= task->cap_count || !cap_alive(&task->cap[slot])) {
        *status = STATUS_NO_CAP;
        return NULL;
    }
    const struct cap *cap = &task->cap[slot];
    if (cap->type != type) {
        *status = STATUS_WRONG_TYPE;
        return NULL;
    }
    if ((cap->rights & rights) != rights) {
        *status = STATUS_DENIED;
        return NULL;
    }
    return cap;
}

void *cap_object(const struct task *task, uint64_t slot, enum object_type type, unsigned rights,
                 enum status *status) {
    const struct cap *cap = cap_find(task, slot, type, rights, status);
    return cap ? pool_object(cap->index) : NULL;
}

enum status cap_check_free(const struct task *task, uint64_t slot) {
    if (slot == 0 || slot >= task->cap_count) {
        return STATUS_RANGE;
    }
    return cap_alive(&task->cap[slot]) ? STATUS_EXISTS : STATUS_OK;
}

void cap_set_object(struct task *task, uint64_t slot, uint32_t index) {
    task->cap[slot] = (struct cap){
        .type = pool.page[index].type,
        .rights = RIGHTS_ALL,
        .index = (uint16_t)index,
        .generation = pool.page[index].generation,
    };
}

void cap_set_frame(struct task *task, uint64_t slot, hpa_t base, uint64_t size, unsigned rights) {
    task->cap[slot] = (struct cap){
        .type = OBJECT_FRAME,
        .rights = (uint8_t)rights,
        .base = base.v,
        .size = size,
    };
}
