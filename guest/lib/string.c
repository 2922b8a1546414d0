#include "guest/lib/string.h"

#include <stdint.h>

// Guests are compiled with -ffreestanding, so the compiler does not turn these loops back into
// calls of the functions they stand in.

// Whole words where both sides allow it: page copies and page clearing are what these are for.
#define WORD sizeof(uint64_t)

static int both_aligned(const void *a, const void *b) {
    return (((uintptr_t)a | (uintptr_t)b) & (WORD - 1)) == 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    return memmove(to, from, size);
}

static void copy_up(unsigned char *to, const unsigned char *from, size_t size) {
    if (both_aligned(to, from)) {
        for (; size >= WORD; size -= WORD, to += WORD, from += WORD)
            *(uint64_t *)to = *(const uint64_t *)from;
    }
    for (; size > 0; size--) {
        *to++ = *from++;
    }
}

static void copy_down(unsigned char *to, const unsigned char *from, size_t size) {
    while (size > 0) {
        size--;
        to[size] = from[size];
    }
}

void *memmove(void *to, const void *from, size_t size) {
    if ((uintptr_t)to - (uintptr_t)from >= size)
        copy_up(to, from, size);
    else
        copy_down(to, from, size);
    return to;
}

void *memset(void *to, int byte, size_t size) {
    unsigned char *at = to;
    const uint64_t pattern = 0x0101010101010101ull * (unsigned char)byte;
    for (; size > 0 && ((uintptr_t)at & (WORD - 1)) != 0; size--) {
        *at++ = (unsigned char)byte;
    }
    for (; size >= WORD; size -= WORD, at += WORD) {
        *(uint64_t *)at = pattern;
    }
    for (; size > 0; size--) {
        *at++ = (unsigned char)byte;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t size) {
    const unsigned char *left = a;
    const unsigned char *right = b;
    for (; size > 0; size--, left++, right++) {
        if (*left != *right)
            return *left - *right;
    }
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    return length;
}

int strcmp(const char *a, const char *b) { return strncmp(a, b, SIZE_MAX); }

int strncmp(const char *a, const char *b, size_t size) {
    for (; size > 0; size--, a++, b++) {
        if (*a != *b)
            return (unsigned char)*a - (unsigned char)*b;
        if (*a == '\0')
            break;
    }
    return 0;
}
