// timer-server: turns expired deadlines into guests' timer interrupts, and lets idle guests wait.
// It needs nothing of its config.
#include <stddef.h>

#include "servers/timer-server/timer.h"

int main(void) { rt_serve(timer_serve, NULL); }
