// Registers of what a trap interrupted, as vector.c saves them and trap.c knows them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "arch/aarch64/guest/fp.h"

struct trap_frame {
    uint64_t x[31];
    uint64_t sp;     // user mode's: SP_EL0. The kernel's is where the frame ends
    uint64_t pc;     // ELR_EL1
    uint64_t status; // SPSR_EL1
    uint64_t tls;    // TPIDR_EL0
    uint64_t unused;
};
_Static_assert(sizeof(struct trap_frame) % 16 == 0, "the stack pointer stays aligned");

// At the end of a kernel stack. While user mode runs the kernel's stack pointer is behind `frame`.
struct user_frame {
    struct trap_frame frame;
    struct fp_registers fp;
};
_Static_assert(sizeof(struct user_frame) % 16 == 0, "the stack pointer stays aligned");
_Static_assert(offsetof(struct user_frame, frame) == 0, "one is the other's address");

// The four entries of each part of the vector.
enum vector_kind { VECTOR_SYNCHRONOUS, VECTOR_IRQ, VECTOR_FIQ, VECTOR_SERROR };

// The vector, of 2 KiB.
void vector_table(void);

// Goes on with a frame, which is on the stack that is left; interrupts are off until then.
_Noreturn void vector_resume(struct trap_frame *frame);

// The vector's way into C, in trap.c. The second is on a stack of its own.
void trap_dispatch(struct trap_frame *frame, enum vector_kind kind);
_Noreturn void trap_overflow(void);
