// Ordering between memory and devices, and what no cache keeps back (contract: each architecture
// has this header).
#pragma once

#include <stdint.h>

// Accesses of memory and of device registers before it are done, as every device sees it, before
// those behind it begin (APM volume 2, 7.4.2).
static inline void arch_device_barrier(void) { __asm__ volatile("mfence" ::: "memory"); }

// What is written is seen by whoever loads it, with paging or without (APM volume 2, 7.3).
static inline void arch_memory_clean(const void *memory, uint64_t size) {
    (void)memory, (void)size;
}
