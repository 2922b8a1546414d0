// The guest contract's paging (arch/include/guest/mmu.h) over RAM that is an array, with a CPU's
// side of it: user mode's accesses, as the page tables allow them.
//
// This CPU is as unforgiving as the architectures permit. It remembers every translation, and that
// there was none, until mmu_flush() or mmu_activate(), and it aborts when one leads to another page
// by then; it executes what memory held when mmu_sync_code() was last called.
#pragma once

#include <stdint.h>

#include "guest/mmu.h"

#define FAKE_RAM_SIZE (UINT64_C(4) << 20)
#define FAKE_RAM_START UINT64_C(0x80000000)

// Where the byte at `va` is for one access of user mode (MMU_READ, MMU_WRITE or MMU_EXECUTE), or
// NULL: a page fault.
uint8_t *fake_mmu_access(uint64_t va, unsigned access);
