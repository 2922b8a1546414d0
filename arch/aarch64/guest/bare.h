// What aarch64's bare guests have beyond guest/bare.h.
#pragma once

#include <stdint.h>

#include "arch/aarch64/guest/firmware.h"

// What the architecture says about a trap.
struct bare_trap {
    uint64_t kind; // the vector's entry: 0 synchronous, 1 IRQ, 2 FIQ, 3 SError
    uint64_t syndrome, address, pc;
};

// A trap came: returns the pc to go on with. The vector saves what a C function may change. A guest
// that expects traps has a function of this name; the default says what came and ends the machine
// as failed.
uint64_t bare_trap(const struct bare_trap *trap);

// The image, as it was loaded.
extern char image_start[];
