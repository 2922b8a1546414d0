// How every guest begins (entry.c), and goes on in its own way.
#pragma once

#include <stdint.h>

#define ENTRY_STACK_SIZE 16384

// Written by boot.c and bare.c, called by entry.c: the MMU is off, interrupts are masked, .bss is
// clear. `device_tree` is the tree's physical address.
_Noreturn void entry_begin(uint64_t device_tree);

// The virtual counter when the first instruction was executed.
extern uint64_t entry_counter;
