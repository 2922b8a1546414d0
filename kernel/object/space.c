#include "kernel/object/space.h"

#include "ipc/syscall.h"
#include "kernel/object/pool.h"

static_assert(sizeof(struct space) + SYSCALL_VCPUS_MAX * sizeof(void *) <= PAGE_SIZE,
              "a space's struct is one page");

enum status space_check(enum space_kind kind, uint32_t first, uint32_t pages) {
    if (kind != SPACE_TASK && kind != SPACE_GUEST) {
        return STATUS_INVALID;
    }
    if (first % ARCH_SPACE_ALIGN_PAGES != 0 || pages < ARCH_SPACE_ROOT_PAGES + 2) {
        return STATUS_RANGE;
    }
    return STATUS_OK;
}

struct space *space_at(uint32_t first) { return pool_object(first + ARCH_SPACE_ROOT_PAGES); }

struct space *space_init(enum space_kind kind, uint32_t first, uint32_t pages) {
    struct space *space = space_at(first);
    space->root = pool_object(first);
    space->tables = pool_object(first + ARCH_SPACE_ROOT_PAGES + 1);
    space->free = pages - ARCH_SPACE_ROOT_PAGES - 1;
    space->id = (uint16_t)first;
    space->kind = (uint8_t)kind;
    arch_space_init(space);
    return space;
}
