// What x86_64's bare guests have beyond guest/bare.h. They run in 64-bit mode, with the first 4 GiB
// mapped where they are, all of it writable and executable.
#pragma once

#include <stdint.h>

#include "arch/x86_64/guest/frame.h"

// A trap came; `frame` is gone on with when this returns. A guest that expects traps has a function
// of this name; the default says what came and ends the machine as failed.
void bare_trap(struct trap_frame *frame);
