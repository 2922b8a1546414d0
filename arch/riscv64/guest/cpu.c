#include "guest/cpu.h"

#include <stddef.h>

#include "arch/riscv64/guest/csr.h"

// What cpu_switch leaves on a stack.
struct switch_frame {
    uint64_t ra;
    uint64_t s[12];
    uint64_t unused; // the stack pointer stays a multiple of 16
};
_Static_assert(sizeof(struct switch_frame) % 16 == 0, "the stack pointer stays aligned");

void cpu_interrupts_on(void) { csr_set(sstatus, SSTATUS_SIE); }

void cpu_interrupts_off(void) { csr_clear(sstatus, SSTATUS_SIE); }

// WFI ends when an interrupt is pending and enabled in sie, whatever sstatus.SIE says.
void cpu_wait(void) { __asm__ volatile("wfi" ::: "memory"); }

__attribute__((naked)) void cpu_switch(uintptr_t *from, uintptr_t to) {
    __asm__ volatile(
        "addi sp, sp, -%[size]\n"
        "sd ra, %[ra](sp)\n"
        ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11\n"
        "sd s\\n, %[s]+8*\\n(sp)\n"
        ".endr\n"
        "sd sp, (a0)\n"
        "mv sp, a1\n"
        "ld ra, %[ra](sp)\n"
        ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11\n"
        "ld s\\n, %[s]+8*\\n(sp)\n"
        ".endr\n"
        "addi sp, sp, %[size]\n"
        "ret\n" ::[size] "i"(sizeof(struct switch_frame)),
        [ra] "i"(offsetof(struct switch_frame, ra)), [s] "i"(offsetof(struct switch_frame, s)));
}

uintptr_t cpu_new_stack(void *stack_end, void (*entry)(void)) {
    struct switch_frame *frame = (struct switch_frame *)stack_end - 1;
    *frame = (struct switch_frame){.ra = (uint64_t)entry};
    return (uintptr_t)frame;
}
