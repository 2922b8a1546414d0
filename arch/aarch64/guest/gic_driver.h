// What gic.c needs of each version of the controller.
#pragma once

#include <stdbool.h>

struct gic_driver {
    const char *compatible[3]; // as device trees call it; NULL ends them
    bool (*init)(volatile void *distributor, volatile void *cpus, unsigned long size,
                 unsigned interrupt);
    unsigned (*claim)(void); // from 1020 on: none
    void (*end)(unsigned interrupt);
};

extern const struct gic_driver gic_v2, gic_v3;
