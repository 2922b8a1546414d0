// What the two files that write to the screen share: drain.c, and overlay.c for the monitor's line.
#pragma once

#include "servers/console/console.h"

// Bytes that client INDEX's ring holds, counted from *TAIL. Both counters are read once: the client
// can change them at any time.
uint64_t drain_pending(const struct console *console, unsigned index, uint64_t *tail);

// The count behind the last newline among the ring's bytes from TAIL to HEAD; TAIL when there is
// none.
uint64_t drain_end_of_lines(const struct ring *ring, uint64_t tail, uint64_t head);

// Ends the line on the screen, which whoever wrote it did not. False: the UART takes no more now.
bool drain_cut_line(struct console *console);
