// Ordering between memory and devices, and what no cache keeps back (contract: each architecture
// has this header).
#pragma once

#include <stdint.h>

// Accesses of memory and of device registers before it are done, as every device sees it, before
// those behind it begin (Unprivileged ISA, chapter 2.7: the compiler's own fences leave devices
// out).
static inline void arch_device_barrier(void) { __asm__ volatile("fence iorw, iorw" ::: "memory"); }

// What is written is seen by whoever loads it, with translation or without (Privileged ISA, 3.6.5).
static inline void arch_memory_clean(const void *memory, uint64_t size) {
    (void)memory, (void)size;
}
