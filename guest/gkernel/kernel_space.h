// The kernel's part of the address space, the same for every process: the image, which the boot
// code mapped section by section, RAM behind it, and the window, whose lower half shows what little
// else there is, the device tree and devices; the upper half has the kernel's stacks. Where the CPU
// has one root for both parts, every space copies the kernel's entries when it is made, so they are
// complete before that; below them, things may be added.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/mmu.h"

// Before any other function here, and before page_alloc can give anything.
void kernel_space_init(void);

// Maps [at, at + size) in the window: memory that must be read before it is known where RAM is, or
// a device's registers. Returns where `at` appears.
const void *kernel_space_window(struct phys at, uint64_t size);
volatile void *kernel_space_device(struct phys at, uint64_t size);

// Maps whole pages of [at, at + size) in the linear map: mmu_pointer() may be used on them.
void kernel_space_map(struct phys at, uint64_t size, unsigned rights);

#define KERNEL_SPACE_STACKS_SIZE (UINT64_C(512) << 20)
uint64_t kernel_space_stacks(void);

// Puts a page of zeroes, for the kernel to read and write, at `va` in the stacks' part; one that is
// there stays. False when memory is short.
bool kernel_space_add_page(uint64_t va);

// False when any mapping here is both writable and executable, or open to user mode.
bool kernel_space_is_clean(void);
