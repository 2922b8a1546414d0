// Paging in long mode (AMD64 Architecture Programmer's Manual, volume 2, chapter 5.3): four levels
// of tables; as far as the boot code and mmu.c share it.
#pragma once

#include <stdint.h>

#include "guest/mmu.h"

#define PTE_PRESENT (UINT64_C(1) << 0)
#define PTE_WRITE (UINT64_C(1) << 1)
#define PTE_USER (UINT64_C(1) << 2)
#define PTE_WRITE_THROUGH (UINT64_C(1) << 3)
#define PTE_NOT_CACHED (UINT64_C(1) << 4)
#define PTE_ACCESSED (UINT64_C(1) << 5)
#define PTE_DIRTY (UINT64_C(1) << 6)
#define PTE_LARGE (UINT64_C(1) << 7)
#define PTE_GLOBAL (UINT64_C(1) << 8)
#define PTE_NO_EXECUTE (UINT64_C(1) << 63)
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)

// The upper half begins here, and with it the linear map of all physical memory. The window is in
// the last entry of the root.
#define MMU_LINEAR_BASE UINT64_C(0xffff800000000000)
#define MMU_WINDOW UINT64_C(0xffffff8000000000)
// The lower half has addresses of so many bits.
#define MMU_USER_BITS 47
#define MMU_USER_END (UINT64_C(1) << MMU_USER_BITS)
#define MMU_ROOT_LEVEL 3

static inline unsigned mmu_slot(uint64_t va, unsigned level) {
    return (va >> (PAGE_SHIFT + 9 * level)) & (TABLE_ENTRIES - 1);
}
