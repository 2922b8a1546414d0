// Ordering between memory and devices (contract: each architecture has this header).
#pragma once

// Accesses of memory and of device registers before it are done, as every device sees it, before
// those behind it begin (APM volume 2, 7.4.2).
static inline void arch_device_barrier(void) { __asm__ volatile("mfence" ::: "memory"); }
