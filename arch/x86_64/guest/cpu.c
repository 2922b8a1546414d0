#include "guest/cpu.h"

#include <stddef.h>

// What cpu_switch leaves on a stack. At a function's first instruction the stack pointer is 8 below
// a multiple of 16 (System V ABI, 3.2.2).
struct switch_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx;
    uint64_t rip;
    uint64_t unused;
};
_Static_assert(sizeof(struct switch_frame) % 16 == 0, "the stack pointer stays aligned");

// An interrupt that is pending is taken behind the instruction after STI.
void cpu_interrupts_on(void) { __asm__ volatile("sti\nnop" ::: "memory"); }

void cpu_interrupts_off(void) { __asm__ volatile("cli" ::: "memory"); }

// HLT ends by an interrupt that is taken. Between it and the STI before it none is.
void cpu_wait(void) { __asm__ volatile("sti\nhlt\ncli" ::: "memory"); }

__attribute__((naked)) void cpu_switch(uintptr_t *from, uintptr_t to) {
    __asm__ volatile("push %rbx\n"
                     "push %rbp\n"
                     "push %r12\n"
                     "push %r13\n"
                     "push %r14\n"
                     "push %r15\n"
                     "mov %rsp, (%rdi)\n"
                     "mov %rsi, %rsp\n"
                     "pop %r15\n"
                     "pop %r14\n"
                     "pop %r13\n"
                     "pop %r12\n"
                     "pop %rbp\n"
                     "pop %rbx\n"
                     "ret\n");
}

uintptr_t cpu_new_stack(void *stack_end, void (*entry)(void)) {
    struct switch_frame *frame = (struct switch_frame *)stack_end - 1;
    *frame = (struct switch_frame){.rip = (uint64_t)entry};
    return (uintptr_t)frame;
}
