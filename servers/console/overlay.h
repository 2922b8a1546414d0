// The monitor's line on the screen: the prompt and what is typed at it. It is no part of anybody's
// output. Before others' lines are written it is erased, behind them it is drawn again.
//
// So the bytes of that line stay in the monitor's ring, whose tail is where the line begins, and
// the state counts how many of the ring's bytes are on the screen. A newline ends the line, a
// carriage return begins it anew; both move the tail.
#pragma once

#include <stdbool.h>

struct console;

// What the state's `erase` counts to.
#define OVERLAY_ERASE_STEPS 5u

// Takes the line from the screen, if it is there. False: the UART takes no more now.
bool overlay_erase(struct console *console);

// Writes what the monitor's ring holds and is not on the screen; without what has not ended when
// everything ends. False: the UART takes no more now.
bool overlay_draw(struct console *console);

// Whether the monitor has a line that has not ended.
bool overlay_is_there(const struct console *console);

// Brings the ring's tail and the state together, for a console server that died between the two.
void overlay_settle(struct console *console);
