// What riscv64's bare guests have beyond guest/bare.h.
#pragma once

#include <stdint.h>

// A trap came: returns the pc to go on with. The vector saves what a C function may change. A guest
// that expects traps has a function of this name; the default says what came and ends the machine
// as failed.
uint64_t bare_trap(uint64_t cause, uint64_t value, uint64_t pc);

// For guests with more harts, or vectors of their own.
extern char bare_vector[];
