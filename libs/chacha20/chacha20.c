#include "libs/chacha20/chacha20.h"

#include <stddef.h>

#define WORDS 16
#define DOUBLE_ROUNDS 10

static uint32_t load(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void store(uint8_t *bytes, uint32_t word) {
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(word >> 8 * i);
    }
}

static uint32_t rotate(uint32_t word, unsigned bits) { return word << bits | word >> (32 - bits); }

// §2.1
static void quarter_round(uint32_t *x, unsigned a, unsigned b, unsigned c, unsigned d) {
    x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 7);
}

void chacha20_block(const uint8_t key[CHACHA20_KEY], uint32_t counter,
                    const uint8_t nonce[CHACHA20_NONCE], uint8_t block[CHACHA20_BLOCK]) {
    // "expand 32-byte k", the key, the counter, the nonce.
    uint32_t initial[WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, [12] = counter};
    uint32_t x[WORDS];
    for (size_t i = 0; i < 8; i++) {
        initial[4 + i] = load(key + 4 * i);
    }
    for (size_t i = 0; i < 3; i++) {
        initial[13 + i] = load(nonce + 4 * i);
    }
    for (size_t i = 0; i < WORDS; i++) {
        x[i] = initial[i];
    }
    for (unsigned round = 0; round < DOUBLE_ROUNDS; round++) {
        for (unsigned i = 0; i < 4; i++) {
            quarter_round(x, i, 4 + i, 8 + i, 12 + i);
        }
        for (unsigned i = 0; i < 4; i++) {
            quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
        }
    }
    for (size_t i = 0; i < WORDS; i++) {
        store(block + 4 * i, x[i] + initial[i]);
    }
}
