// Stage 1 of VMSAv8-64 (Arm ARM, chapter D8): 4 KiB granule, 39 bits of address in each half, so
// three levels of tables; as far as the boot code and mmu.c share it. The architecture's level n is
// level 3 - n here.
#pragma once

#include <stdint.h>

#include "guest/mmu.h"

#define PTE_VALID (UINT64_C(1) << 0)
#define PTE_TABLE (UINT64_C(1) << 1) // and a page, at the last level; a block has 0
#define PTE_ATTRIBUTE(index) (UINT64_C(index) << 2)
#define PTE_USER (UINT64_C(1) << 6)      // AP[1]: user mode may what the kernel may
#define PTE_READ_ONLY (UINT64_C(1) << 7) // AP[2]
#define PTE_INNER_SHAREABLE (UINT64_C(3) << 8)
#define PTE_ACCESSED (UINT64_C(1) << 10)
#define PTE_NOT_GLOBAL (UINT64_C(1) << 11)
#define PTE_PXN (UINT64_C(1) << 53) // the kernel does not execute it
#define PTE_UXN (UINT64_C(1) << 54) // user mode does not
#define PTE_ADDRESS UINT64_C(0x0000fffffffff000)

// MAIR_EL1: attribute 0 is a device (nGnRE), attribute 1 memory (write-back).
#define MMU_ATTRIBUTE_DEVICE 0
#define MMU_ATTRIBUTE_MEMORY 1
#define MMU_ATTRIBUTES UINT64_C(0xff04)

// The upper half begins here. Physical memory appears at its start, 511 GiB of it; the last GiB is
// the window.
#define MMU_VA_BITS 39
#define MMU_LINEAR_BASE UINT64_C(0xffffff8000000000)
#define MMU_WINDOW UINT64_C(0xffffffffc0000000)
// Set in the window's addresses, clear in the linear map's of the first 256 GiB, where the image
// is.
#define MMU_WINDOW_BIT 38

// A root for TTBR0 with no user memory. It is boot.c's, and stays empty.
extern uint64_t mmu_no_user[TABLE_ENTRIES];

static inline unsigned mmu_slot(uint64_t va, unsigned level) {
    return (va >> (PAGE_SHIFT + 9 * level)) & (TABLE_ENTRIES - 1);
}
