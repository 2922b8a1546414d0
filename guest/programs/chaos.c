#include "guest/programs/chaos.h"

#include <string.h>

// As many as leave some registers for the intermediate results.
#define SEQUENCES 16

// A multiplication and an addition are rounded one by one, on every machine alike.
#pragma STDC FP_CONTRACT OFF

uint64_t chaos_hash(unsigned steps) {
    double x[SEQUENCES];
    for (int i = 0; i < SEQUENCES; i++)
        x[i] = (i + 1) / 19.0;
    for (unsigned step = 0; step < steps; step++) {
// Unrolled, the array is registers.
#pragma clang loop unroll(full)
        for (int i = 0; i < SEQUENCES; i++) {
            // The quadratic map in its chaotic range, -1 to 1, and a little of the neighbour.
            const double next = 1.0 - 1.99 * x[i] * x[i];
            x[i] = next * 0.999 + x[(i + 1) % SEQUENCES] * 0.001;
        }
        // A division and a square root, which are rounded too: both near 1.
        x[0] = x[0] / __builtin_sqrt(1.0 + x[1] * x[1] * 0x1p-30);
    }
    // FNV-1a, a word at a time.
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < SEQUENCES; i++) {
        uint64_t bits;
        memcpy(&bits, &x[i], sizeof(bits));
        hash = (hash ^ bits) * UINT64_C(0x100000001b3);
    }
    return hash;
}
