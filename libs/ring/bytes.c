#include "libs/ring/bytes.h"

#include <string.h>

// The first of two pieces that SIZE bytes at PLACE make in the ring; the second begins at its
// start.
static uint64_t first_piece(uint64_t place, uint64_t size) {
    uint64_t left = RING_BYTES - place;
    return size < left ? size : left;
}

void bytes_put(struct ring *ring, uint64_t at, const uint8_t *bytes, uint64_t size) {
    uint64_t place = at % RING_BYTES;
    uint64_t first = first_piece(place, size);
    memcpy(ring->data + place, bytes, first);
    memcpy(ring->data, bytes + first, size - first);
}

void bytes_get(const struct ring *ring, uint64_t at, uint8_t *bytes, uint64_t size) {
    uint64_t place = at % RING_BYTES;
    uint64_t first = first_piece(place, size);
    memcpy(bytes, ring->data + place, first);
    memcpy(bytes + first, ring->data, size - first);
}
