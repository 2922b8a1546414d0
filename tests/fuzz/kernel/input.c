#include "tests/fuzz/kernel/input.h"

static const uint8_t *at, *end;

void input_begin(const uint8_t *data, size_t size) {
    at = data;
    end = data + size;
}

bool input_ended(void) { return at == end; }

uint8_t input_byte(void) { return at < end ? *at++ : 0; }

uint64_t input_long(void) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++) {
        value = value << 8 | input_byte();
    }
    return value;
}
