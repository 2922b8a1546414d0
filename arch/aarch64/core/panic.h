#pragma once

#include <stdint.h>

// Where panics are told: a PL011's registers, as the core sees them; 0: nowhere. The manifest names
// it (host/console@...), and the boot bundle's header has it.
extern uint64_t panic_console;
