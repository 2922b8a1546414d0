#include "tests/system/programs/chance.h"

static uint64_t state = 1;

void chance_begin(uint64_t seed) {
    // Never zero, from which nothing else would come.
    state = seed * 2 + 1;
}

// Xorshift64* (S. Vigna, "An experimental exploration of Marsaglia's xorshift generators,
// scrambled", 2016).
uint64_t chance(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545f4914f6cdd1d);
}
