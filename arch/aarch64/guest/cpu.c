#include "guest/cpu.h"

#include <stddef.h>

// What cpu_switch leaves on a stack.
struct switch_frame {
    uint64_t x19_to_x30[12];
};
_Static_assert(sizeof(struct switch_frame) % 16 == 0, "the stack pointer stays aligned");

// An interrupt that is pending then is taken before the function returns.
void cpu_interrupts_on(void) { __asm__ volatile("msr daifclr, #2\nisb" ::: "memory"); }

void cpu_interrupts_off(void) { __asm__ volatile("msr daifset, #2" ::: "memory"); }

// WFI ends when an interrupt is pending, masked or not.
void cpu_wait(void) { __asm__ volatile("dsb sy\nwfi" ::: "memory"); }

__attribute__((naked)) void cpu_switch(uintptr_t *from, uintptr_t to) {
    __asm__ volatile("stp x19, x20, [sp, #-%[size]]!\n"
                     "stp x21, x22, [sp, #16]\n"
                     "stp x23, x24, [sp, #32]\n"
                     "stp x25, x26, [sp, #48]\n"
                     "stp x27, x28, [sp, #64]\n"
                     "stp x29, x30, [sp, #80]\n"
                     "mov x9, sp\n"
                     "str x9, [x0]\n"
                     "mov sp, x1\n"
                     "ldp x21, x22, [sp, #16]\n"
                     "ldp x23, x24, [sp, #32]\n"
                     "ldp x25, x26, [sp, #48]\n"
                     "ldp x27, x28, [sp, #64]\n"
                     "ldp x29, x30, [sp, #80]\n"
                     "ldp x19, x20, [sp], #%[size]\n"
                     "ret\n" ::[size] "i"(sizeof(struct switch_frame)));
}

#define LINK 11 // x30: where cpu_switch returns to

uintptr_t cpu_new_stack(void *stack_end, void (*entry)(void)) {
    struct switch_frame *frame = (struct switch_frame *)stack_end - 1;
    *frame = (struct switch_frame){.x19_to_x30[LINK] = (uint64_t)entry};
    return (uintptr_t)frame;
}
