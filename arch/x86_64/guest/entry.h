// How every guest begins (entry.c), and goes on in its own way.
#pragma once

#include <stdint.h>

#include "guest/mmu.h"

#define ENTRY_STACK_SIZE 16384

// The tables that all begins with: the root, the one below, of which the first entry is used, and
// the one below that.
extern uint64_t entry_root[TABLE_ENTRIES], entry_upper[TABLE_ENTRIES], entry_middle[TABLE_ENTRIES];

// The time stamp counter, as the first instructions found it.
extern uint64_t entry_counter;

// Written by boot.c and bare.c, called by entry.c: in 64-bit mode at the linked address, interrupts
// are off, .bss is clear, the first GiB is mapped at 0 and where the linker script says, writable
// and executable. `magic` and `information` are what EAX and EBX were.
_Noreturn void entry_begin(uint32_t magic, uint32_t information);
