// Registers of what a trap interrupted, as vector.c saves them and trap.c knows them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/guest/fp.h"

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector; // segments.h
    uint64_t error;  // 0 where the CPU has none
    // What the CPU pushes and IRET pops.
    uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct trap_frame) % 16 == 0, "the stack pointer stays aligned");

// At the end of a kernel stack. While user mode runs a trap begins to push behind `frame`.
struct user_frame {
    struct trap_frame frame;
    struct fp_registers fp;
    uint64_t tls; // FS's base
    uint64_t unused;
};
_Static_assert(sizeof(struct user_frame) % 16 == 0, "the stack pointer stays aligned");
_Static_assert(offsetof(struct user_frame, frame) == 0, "one is the other's address");

// The code for each vector, of so many bytes.
#define VECTOR_STUB_SIZE 16
extern const char vector_stubs[];

// Where SYSCALL goes.
void vector_syscall(void);

// Goes on with a frame, which is on the stack that is left; interrupts are off until then.
_Noreturn void vector_resume(struct trap_frame *frame);

// The vector's way into C, in trap.c.
void trap_dispatch(struct trap_frame *frame);
