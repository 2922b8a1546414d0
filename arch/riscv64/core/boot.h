#pragma once

#include <stdint.h>

// satp of the core's own address space, without any task's mappings.
uint64_t boot_satp(void);
