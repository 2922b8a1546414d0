// One access of a kind, as an instruction of its own. What the hardware says of it differs: of some
// it gives register and size, of others nothing but the address.
#pragma once

#include <stdint.h>

struct touch_way {
    const char *name;
    void (*touch)(uint64_t address);
};

// "load", "store", "fetch" and "amo" are everywhere. Ends with one without a name.
extern const struct touch_way touch_ways[];
