// timer-server as it is on aarch64.
#pragma once

#include "servers/timer-server/timer.h"

static inline void served_serve(const struct message *record, struct reply *reply) {
    timer_serve(NULL, record, reply);
}

_Noreturn static inline void served_begin(rt_handler *handler, void *state) {
    rt_serve(handler, state);
}
