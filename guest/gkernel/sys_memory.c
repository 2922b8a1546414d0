// System calls about memory.
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "guest/gkernel/process.h"
#include "guest/gkernel/syscall.h"

static unsigned rights_of(uint64_t protection) {
    unsigned rights = 0;
    if (protection & PROT_READ)
        rights |= MMU_READ;
    if (protection & PROT_WRITE)
        rights |= MMU_READ | MMU_WRITE;
    if (protection & PROT_EXEC)
        rights |= MMU_EXECUTE;
    return rights;
}

#define PROTECTIONS ((uint64_t)(PROT_READ | PROT_WRITE | PROT_EXEC))

int64_t sys_brk(const uint64_t argument[]) {
    return (int64_t)region_move_heap(process_current()->space, argument[0]);
}

// Whole pages of a program's part of the address space.
static bool is_range(uint64_t start, uint64_t size) {
    return start % PAGE_SIZE == 0 && size > 0 && start >= SPACE_START && start < SPACE_END &&
           size <= SPACE_END - start;
}

// Memory without a file: there are none.
static int check_map(uint64_t size, uint64_t protection, uint64_t flags) {
    const uint64_t known = MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
                           MAP_FIXED_NOREPLACE | MAP_NORESERVE | MAP_STACK | MAP_POPULATE;
    const uint64_t type = flags & (MAP_SHARED | MAP_PRIVATE);
    if (size == 0 || (type != MAP_SHARED && type != MAP_PRIVATE) || flags & ~known ||
        protection & ~PROTECTIONS)
        return -EINVAL;
    if (!(flags & MAP_ANONYMOUS))
        return -EBADF;
    // Before anything is taken away for it.
    if (protection & PROT_EXEC && (protection & PROT_WRITE || type == MAP_SHARED))
        return -EACCES;
    return size > SPACE_END ? -ENOMEM : 0;
}

int64_t sys_mmap(const uint64_t argument[]) {
    const uint64_t flags = argument[3];
    int error = check_map(argument[1], argument[2], flags);
    if (error != 0)
        return error;
    if (argument[5] % PAGE_SIZE != 0)
        return -EINVAL;
    struct space *space = process_current()->space;
    const uint64_t size = mmu_page_up(argument[1]);
    uint64_t start = argument[0];
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        if (!is_range(start, size))
            return start % PAGE_SIZE != 0 ? -EINVAL : -ENOMEM;
    } else {
        start = region_place(space, size);
        if (start == 0)
            return -ENOMEM;
    }
    if (flags & MAP_FIXED && !(flags & MAP_FIXED_NOREPLACE))
        error = region_remove(space, start, start + size);
    const struct space_region region = {
        .start = start,
        .end = start + size,
        .rights = (uint8_t)rights_of(argument[2]),
        .kind = SPACE_MAPPED,
        .shared = (flags & MAP_SHARED) != 0,
    };
    if (error == 0)
        error = region_add(space, &region);
    return error != 0 ? error : (int64_t)start;
}

int64_t sys_munmap(const uint64_t argument[]) {
    const uint64_t start = argument[0], size = mmu_page_up(argument[1]);
    if (!is_range(start, size))
        return -EINVAL;
    return region_remove(process_current()->space, start, start + size);
}

int64_t sys_mprotect(const uint64_t argument[]) {
    const uint64_t start = argument[0], size = mmu_page_up(argument[1]);
    if (start % PAGE_SIZE != 0 || argument[2] & ~PROTECTIONS)
        return -EINVAL;
    if (size == 0 && argument[1] == 0)
        return 0;
    if (!is_range(start, size))
        return -ENOMEM;
    return region_protect(process_current()->space, start, start + size, rights_of(argument[2]));
}
