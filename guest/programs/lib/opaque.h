// A check that the compiler can decide by itself checks nothing at run time.
#pragma once

// The same pointer, of which the compiler knows neither what it points to nor what is there.
static inline void *opaque_pointer(const void *pointer) {
    __asm__ volatile("" : "+r"(pointer) : : "memory");
    return (void *)pointer;
}
