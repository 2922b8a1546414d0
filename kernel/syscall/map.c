// MAP, UNMAP and GRANT.
#include "kernel/mem/pagetable.h"
#include "kernel/object/space.h"
#include "kernel/syscall/syscall.h"

static struct space *map_space(const struct task *task, enum status *status) {
    const struct cap *cap = cap_find(task, syscall_selector(task), OBJECT_SPACE, RIGHT_W, status);
    return cap ? space_at(cap->index) : NULL;
}

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
    struct space *space = map_space(task, &status);
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
    uint64_t target = frame->base + offset;
    uint64_t done = 0;
    for (int step = 0; step < SYSCALL_MAP_STEPS && done < size && status == STATUS_OK; step++) {
        space_addr_t at = SPACE_ADDR(address + done);
        unsigned bits = map_bits(at.v, target + done, size - done) + 9;
        do {
            // A table that smaller pages once needed may stand where a large one would fit.
            bits -= 9;
            status = pagetable_map(space, at, HPA(target + done), bits, (unsigned)rights);
        } while (status == STATUS_EXISTS && bits > PAGE_BITS);
        if (status == STATUS_OK) {
            arch_space_fence(space, at);
            done += 1ull << bits;
        }
    }
    syscall_result(task, 0, done);
    return status;
}

enum status syscall_unmap(struct task *task) {
    enum status status = STATUS_OK;
    struct space *space = map_space(task, &status);
    if (!space) {
        return status;
    }
    uint64_t address = syscall_arg(task, 0);
    uint64_t size = syscall_arg(task, 1);
    if ((address | size) & PAGE_MASK) {
        return STATUS_INVALID;
    }
    if (!range_within(address, size, arch_space_limit(space->kind))) {
        return STATUS_RANGE;
    }
    uint64_t done = 0;
    for (int step = 0; step < SYSCALL_MAP_STEPS && done < size; step++) {
        unsigned bits = pagetable_unmap(space, SPACE_ADDR(address + done), size - done);
        if (bits == 0) {
            status = STATUS_INVALID;
            break;
        }
        // To the end of that page or hole, which may have begun before.
        uint64_t span = 1ull << bits;
        uint64_t step_bytes = span - ((address + done) & (span - 1));
        done += step_bytes < size - done ? step_bytes : size - done;
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
