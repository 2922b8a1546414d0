// Sv39 (RISC-V Privileged Architecture 1.12, §4.4), as far as the boot code and mmu.c share it.
#pragma once

#include <stdint.h>

#include "guest/mmu.h"

#define PTE_V (UINT64_C(1) << 0)
#define PTE_R (UINT64_C(1) << 1)
#define PTE_W (UINT64_C(1) << 2)
#define PTE_X (UINT64_C(1) << 3)
#define PTE_U (UINT64_C(1) << 4)
#define PTE_G (UINT64_C(1) << 5)
#define PTE_A (UINT64_C(1) << 6)
#define PTE_D (UINT64_C(1) << 7)
#define PTE_PPN_SHIFT 10
#define PTE_PPN_MASK ((UINT64_C(1) << 44) - 1)

// The upper half of Sv39 begins here. Physical memory appears at its start, 255 GiB of it; the last
// GiB is the window.
#define MMU_LINEAR_BASE UINT64_C(0xffffffc000000000)
#define MMU_WINDOW UINT64_C(0xffffffffc0000000)
#define MMU_WINDOW_UPPER_20 0xc0000 // as LUI takes it, which extends its sign

static inline unsigned mmu_slot(uint64_t va, unsigned level) {
    return (va >> (PAGE_SHIFT + 9 * level)) & (TABLE_ENTRIES - 1);
}
