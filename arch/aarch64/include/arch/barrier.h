// Ordering between memory and devices (contract: each architecture has this header).
#pragma once

// Accesses of memory and of device registers before it are done, as every device sees it, before
// those behind it begin (Arm ARM, B2.3.11: DSB orders accesses of any two types of memory).
static inline void arch_device_barrier(void) { __asm__ volatile("dsb sy" ::: "memory"); }
