// Numbers by chance, the same ones for a seed on every machine.
#pragma once

#include <stdint.h>

void chance_begin(uint64_t seed);

// All 64 bits are good.
uint64_t chance(void);
