#include "guest/gkernel/user_memory.h"

#include <errno.h>

#include "guest/gkernel/table.h"
#include "guest/lib/string.h"

void *user_pointer(struct space *space, uint64_t address, unsigned access) {
    const unsigned rights = access | MMU_USER;
    // Above, the same tables lead to the kernel's own memory.
    if (address >= SPACE_END)
        return NULL;
    const uint64_t *entry = table_find(space->root, address);
    if (entry == NULL || !mmu_is_present(*entry) || (mmu_rights(*entry) & rights) != rights) {
        if (space_fault(space, address, access) != SPACE_DONE)
            return NULL;
        entry = table_find(space->root, address);
    }
    return (uint8_t *)mmu_pointer(mmu_address(*entry)) + address % PAGE_SIZE;
}

// How many of the `size` bytes from `address` on are in one page.
static size_t in_page(uint64_t address, size_t size) {
    const size_t rest = PAGE_SIZE - address % PAGE_SIZE;
    return size < rest ? size : rest;
}

static bool is_user(uint64_t address, size_t size) {
    return size <= SPACE_END && address <= SPACE_END - size;
}

bool user_read(struct space *space, void *to, uint64_t from, size_t size) {
    if (!is_user(from, size))
        return false;
    for (size_t done = 0; done < size;) {
        const size_t part = in_page(from + done, size - done);
        const void *page = user_pointer(space, from + done, MMU_READ);
        if (page == NULL)
            return false;
        memcpy((uint8_t *)to + done, page, part);
        done += part;
    }
    return true;
}

bool user_write(struct space *space, uint64_t to, const void *from, size_t size) {
    if (!is_user(to, size))
        return false;
    for (size_t done = 0; done < size;) {
        const size_t part = in_page(to + done, size - done);
        void *page = user_pointer(space, to + done, MMU_WRITE);
        if (page == NULL)
            return false;
        memcpy(page, (const uint8_t *)from + done, part);
        done += part;
    }
    return true;
}

int64_t user_string(struct space *space, char *to, uint64_t from, size_t size) {
    for (size_t done = 0; done < size;) {
        const size_t part = in_page(from + done, size - done);
        const char *page = user_pointer(space, from + done, MMU_READ);
        if (page == NULL)
            return -EFAULT;
        for (size_t i = 0; i < part; i++, done++) {
            to[done] = page[i];
            if (page[i] == '\0')
                return (int64_t)done;
        }
    }
    return -ENAMETOOLONG;
}
