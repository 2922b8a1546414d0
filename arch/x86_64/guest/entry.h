// How every guest begins (entry.c), and goes on in its own way.
#pragma once

#include <stdint.h>

#define ENTRY_STACK_SIZE 16384

// Written by boot.c, called by entry.c: in 64-bit mode at the linked address, interrupts are off,
// .bss is clear, the first GiB is mapped at 0 and where the linker script says, writable and
// executable. `magic` and `information` are what EAX and EBX were.
_Noreturn void entry_begin(uint32_t magic, uint32_t information);
