// MAP and GRANT.
#include "kernel/mem/pagetable.h"
#include "kernel/object/space.h"
#include "kernel/syscall/syscall.h"

// The largest page that fits at both addresses, with SIZE bytes to go.
static unsigned map_bits(uint64_t address, uint64_t target, uint64_t size) {
    unsigned bits = 30;
    while (bits > PAGE_BITS &&
           (((address | target) & ((1ull << bits) - 1)) || size < 1ull << bits)) {
        bits -= 9;
    }
    return bits;
}

enum status syscall_map(struct task *task) {
    enum status status = STATUS_OK;
    const struct cap *to = cap_find(task, syscall_selector(task), OBJECT_SPACE, RIGHT_W, &status);
    uint64_t address = syscall_arg(task, 0);
    uint64_t offset = syscall_arg(task, 2);
    uint64_t size = syscall_arg(task, 3);
    uint64_t rights = syscall_arg(task, 4);
    const struct cap *frame =
        cap_find(task, syscall_arg(task, 1), OBJECT_FRAME, (unsigned)rights & RIGHTS_ALL, &status);
    if (status != STATUS_OK) {
        return status;
    }
    if (rights > RIGHTS_ALL || ((address | offset | size | frame->base) & PAGE_MASK)) {
        return STATUS_INVALID;
    }
    if (!range_within(offset, size, frame->size) || address + size < address) {
        return STATUS_RANGE;
    }
    struct space *space = space_at(to->index);
    uint64_t target = frame->base + offset;
    uint64_t done = 0;
    for (int step = 0; step < SYSCALL_MAP_STEPS && done < size && status == STATUS_OK; step++) {
        space_addr_t at = SPACE_ADDR(address + done);
        unsigned bits = map_bits(at.v, target + done, size - done);
        status = pagetable_map(space, at, HPA(target + done), bits, (unsigned)rights);
        if (status == STATUS_OK) {
            arch_space_fence(space, at);
            done += 1ull << bits;
        }
    }
    syscall_result(task, 0, done);
    return status;
}

enum status syscall_grant(struct task *task) {
    enum status status = STATUS_OK;
    uint64_t slot = syscall_arg(task, 1);
    uint64_t rights = syscall_arg(task, 2);
    struct task *to = cap_object(task, syscall_selector(task), OBJECT_TASK, RIGHT_MANAGE, &status);
    if (!to) {
        return status;
    }
    if (cap_check_free(task, slot) != STATUS_EXISTS) {
        return STATUS_NO_CAP;
    }
    const struct cap *from = &task->cap[slot];
    if (!(from->rights & RIGHT_GRANT) || (rights & ~(uint64_t)from->rights)) {
        return STATUS_DENIED;
    }
    status = cap_check_free(to, syscall_arg(task, 0));
    if (status != STATUS_OK) {
        return status;
    }
    struct cap copy = *from;
    copy.rights = (uint8_t)rights;
    if (from->type == OBJECT_FRAME) {
        uint64_t offset = syscall_arg(task, 3);
        copy.base += offset;
        copy.size = syscall_arg(task, 4);
        if (!range_within(offset, copy.size, from->size)) {
            return STATUS_RANGE;
        }
    } else if (from->type == OBJECT_PORTAL) {
        copy.base = syscall_arg(task, 3);
    }
    to->cap[syscall_arg(task, 0)] = copy;
    return STATUS_OK;
}
