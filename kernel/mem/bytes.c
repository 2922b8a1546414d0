// The two functions that the compiler itself calls. The core never handles much memory at once.
#include <stdint.h>
#include <string.h>

// `used`, for the compiler makes calls to them after it has looked across files who is called;
// `volatile`, for it would make calls to themselves of the loops.
__attribute__((used)) void *memset(void *to, int value, size_t size) {
    char *at = to;
    if (((uintptr_t)to | size) % 64 == 0) {
        uint64_t word = 0x0101010101010101ull * (uint8_t)value;
        for (size_t i = 0; i < size; i += 64) {
            volatile uint64_t *line = (volatile uint64_t *)(at + i);
            line[0] = word, line[1] = word, line[2] = word, line[3] = word;
            line[4] = word, line[5] = word, line[6] = word, line[7] = word;
        }
        return to;
    }
    for (size_t i = 0; i < size; i++) {
        ((volatile char *)at)[i] = (char)value;
    }
    return to;
}

__attribute__((used)) void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    for (size_t i = 0; i < size; i++) {
        ((volatile char *)to)[i] = ((const char *)from)[i];
    }
    return to;
}
