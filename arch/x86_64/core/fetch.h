// Reading the instructions of guests and of tasks.
#pragma once

#include "kernel/object/space.h"

// The entry that maps ADDRESS of SPACE, and how many address bits it spans; 0: there is none.
uint64_t fetch_entry(const struct space *space, uint64_t address, unsigned *bits);

// ADDRESS of SPACE in the core's view; NULL where no memory is mapped.
const uint8_t *fetch_seen(const struct space *space, uint64_t address);
