// The ChaCha20 block function (RFC 8439, §2.3): of one secret it makes as many as are needed, and
// none of them tells anything about the others.
#pragma once

#include <stdint.h>

#define CHACHA20_KEY 32 // bytes
#define CHACHA20_NONCE 12
#define CHACHA20_BLOCK 64

// Writes to BLOCK what KEY makes of COUNTER and NONCE. Takes as long whatever the key is.
void chacha20_block(const uint8_t key[CHACHA20_KEY], uint32_t counter,
                    const uint8_t nonce[CHACHA20_NONCE], uint8_t block[CHACHA20_BLOCK]);
