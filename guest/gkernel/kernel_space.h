// The kernel's part of the address space, the same for every process: the image, which the boot
// code mapped section by section, RAM behind it, and what little else the kernel reads. It is
// complete before the first process is made.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/mmu.h"

// Before any other function here, and before page_alloc can give anything.
void kernel_space_init(void);

// Maps [at, at + size) read-only in the window, for what must be read before it is known where RAM
// is. Returns where `at` appears.
const void *kernel_space_window(struct phys at, uint64_t size);

// Maps whole pages of [at, at + size) in the linear map: mmu_pointer() may be used on them.
void kernel_space_map(struct phys at, uint64_t size, unsigned rights);

// False when any mapping here is both writable and executable, or open to user mode.
bool kernel_space_is_clean(void);
