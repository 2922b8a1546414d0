#pragma once

#include <stdint.h>

// The page tables of the core's own address space (core.ld), the root first.
extern uint64_t boot_tables[];

// satp of the core's own address space, without any task's mappings.
uint64_t boot_satp(void);
