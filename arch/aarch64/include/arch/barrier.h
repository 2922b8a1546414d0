// Ordering between memory and devices, and what no cache keeps back (contract: each architecture
// has this header).
#pragma once

#include <stdint.h>

// Accesses of memory and of device registers before it are done, as every device sees it, before
// those behind it begin (Arm ARM, B2.3.11: DSB orders accesses of any two types of memory).
static inline void arch_device_barrier(void) { __asm__ volatile("dsb sy" ::: "memory"); }

// The SIZE bytes at MEMORY are in memory itself, and in no data cache, before what follows: a guest
// begins without translation, and then its loads go past all caches (Arm ARM, D8.2.10). Lines are
// as long as CTR_EL0.DminLine says, in words.
static inline void arch_memory_clean(const void *memory, uint64_t size) {
    uint64_t type, at = (uint64_t)(uintptr_t)memory;
    __asm__ volatile("mrs %0, ctr_el0" : "=r"(type));
    const uint64_t line = 4ull << (type >> 16 & 15), end = at + size;
    for (at &= ~(line - 1); at < end; at += line)
        __asm__ volatile("dc civac, %0" ::"r"(at) : "memory");
    __asm__ volatile("dsb sy" ::: "memory");
}
