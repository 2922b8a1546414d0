#pragma once

#include <stdint.h>

#include "kernel/cpu.h"

// The one CPU, as the vectors find it, too.
extern struct cpu boot_cpu;

#define BOOT_IMAGE_OFFSET 0xffffffff80000000ull // as in core.ld

// The physical address of what is in the core's image.
static inline uint64_t boot_physical(const void *symbol) {
    return (uint64_t)symbol - BOOT_IMAGE_OFFSET;
}

// In the linker script. What CR3 points at while no task's space is in it: the core's half alone.
extern uint64_t boot_tables[];
