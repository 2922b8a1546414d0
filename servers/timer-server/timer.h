// Preemption: what becomes of a guest whose deadline has passed, and of one that waits. Both
// answers are functions of the record alone, so there is no state to lose.
#pragma once

#include "libs/rt/rt.h"

// The server: rt_serve's handler; it needs no state.
rt_handler timer_serve;
