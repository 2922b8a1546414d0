// Ordering between memory and devices, and what no cache keeps back (contract: each architecture
// has this header). The devices here are C code of the same thread.
#pragma once

#include <stdint.h>

static inline void arch_device_barrier(void) { __asm__ volatile("" ::: "memory"); }

// There are no caches.
static inline void arch_memory_clean(const void *memory, uint64_t size) {
    (void)memory, (void)size;
}
