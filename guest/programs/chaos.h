// A computation with doubles that lives in many floating-point registers at once and depends on the
// last bit of each of them: on what was rounded, and on how.
#pragma once

#include <stdint.h>

// Sixteen chaotic sequences, each iterated `steps` times and disturbed by its neighbour. Returns a
// hash of all bits of all of them. Uses the rounding mode that is set.
uint64_t chaos_hash(unsigned steps);
