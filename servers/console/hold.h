// A guest's line that has not ended is waited for a little while before it is shown, so that
// others' lines do not cut it in two; one that stands on the screen is left alone for as long after
// each byte. Time passes in ticks of the CPU: while something is waited for, this server signals
// itself.
#pragma once

#include "servers/console/console.h"

// Whether the line that guest INDEX has begun at the count BEGIN of its bytes, and none of which is
// shown, is waited for.
bool hold_begun(struct console *console, unsigned index, uint64_t begin);

// Bytes of an unfinished line were written to the screen.
void hold_written(struct console *console);

// Whether more is waited for of the guest's line that stands on the screen.
bool hold_shown(struct console *console);

// Has this server look again, if anything is waited for. To be called when all is looked at.
void hold_look_again(struct console *console);
