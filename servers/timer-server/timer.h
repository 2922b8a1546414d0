// Preemption: what becomes of a guest whose deadline has passed, and of one that waits. Both
// answers are functions of the record alone, so there is no state to lose.
#pragma once

#include "libs/rt/rt.h"

// The whole answer to a TIMER exit: the interrupt is raised in the vCPU that exited. Raising one
// that is pending already changes nothing.
#define TIMER_EXPIRED (REPLY_FLAGS | REPLY_RAISE | REPLY_INTERRUPT(INTERRUPT_TIMER))

// The server: rt_serve's handler; it needs no state.
rt_handler timer_serve;
