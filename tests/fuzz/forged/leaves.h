// What a space maps, read from its tables by the fake machine's own format.
#pragma once

#include "kernel/object/space.h"

#define LEAVES 4096

struct leaf {
    uint64_t address;
    uint64_t target; // physical
    uint64_t size;
    unsigned rights;
};

// All of SPACE's, in ascending order of their addresses. Returns how many there are.
unsigned leaves_of(const struct space *space, struct leaf leaf[LEAVES]);
