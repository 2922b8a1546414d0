// timer-server as it is on x86_64.
#pragma once

#include "servers/timer-server/pc/pc.h"

struct pc pc_server;

static inline void served_serve(const struct message *record, struct reply *reply) {
    pc_serve(&pc_server, record, reply);
}

static enum status served_take_over(void *state) {
    (void)state;
    const struct config_entry *region = rt_need("state");
    return pc_adopt(&pc_server, (void *)(uintptr_t)region->address, region->size);
}

_Noreturn static inline void served_begin(rt_handler *handler, void *state) {
    const char *wrong;
    if (pc_configure(&pc_server, rt_config, &wrong) != STATUS_OK) {
        rt_die("the config's entry `%.*s` can't be right", CONFIG_NAME, wrong);
    }
    rt_succeed(served_take_over, PC_STATE_VERSION, handler, state);
}
