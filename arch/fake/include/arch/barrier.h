// Ordering between memory and devices (contract: each architecture has this header). The devices
// here are C code of the same thread.
#pragma once

static inline void arch_device_barrier(void) { __asm__ volatile("" ::: "memory"); }
