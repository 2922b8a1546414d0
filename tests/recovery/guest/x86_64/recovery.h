// What the parts for x86_64 share.
#pragma once

#include <stdint.h>

#include "tests/recovery/guest/recovery.h"

// The local APIC by its page (APM volume 2, chapter 16.3.2).
#define APIC_PRIORITY 0x080
#define APIC_REQUESTED 0x200 // and seven more, 16 bytes apart, of 32 vectors each
#define APIC_TIMER 0x320
#define VECTOR_SOFTWARE 0x31
#define VECTOR_DEVICE 0x41 // of nobody's: it is sent

// By instructions that those who emulate registers know: nothing but moves.
uint32_t apic_load(uint32_t offset);
void apic_store(uint32_t offset, uint32_t value);

// Executes CODE, which ends in a trap or does not, of so many bytes, with RAX, RCX and RDX; returns
// EDX:EAX.
#define TRAPS(bytes, code, rax, rcx, rdx)                                                          \
    ({                                                                                             \
        uint64_t _a = (rax), _d = (rdx);                                                           \
        trap_skip = (bytes);                                                                       \
        __asm__ volatile(code : "+a"(_a), "+d"(_d) : "c"(rcx) : "memory", "cc");                   \
        trap_skip = 0;                                                                             \
        (_d << 32) | (_a & 0xffffffff);                                                            \
    })
extern volatile uint64_t trap_skip;

// This CPU takes interrupts, as soon as it lets them in.
void interrupts_begin(void);

// Waits until that event has come once more.
void wait_for(enum event event);

// Waits until the timer has interrupted, which is not noted.
void doze(void);
