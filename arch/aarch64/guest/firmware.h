// How the firmware's part (guest/firmware.h) gets to know the machine.
#pragma once

#include <stdint.h>

#include "guest/lib/machine.h"
#include "guest/mmu.h"

// Shows a device's registers.
typedef volatile void *firmware_map(struct phys at, uint64_t size);

// Finds the console, and by which instruction PSCI is called.
void firmware_init(const struct machine *machine, firmware_map *map);

// A call of PSCI, or of what else follows the SMC calling convention: x0.
uint64_t firmware_call(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
