#pragma once

#include <stdint.h>

// What TTBR0_EL2 holds while no task's space is in it: a table that maps nothing.
uint64_t boot_no_space(void);
