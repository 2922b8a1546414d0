// The vector (Arm ARM D1.3.1): saves all registers on the kernel's stack and calls trap.c.
#include "arch/aarch64/guest/frame.h"
#include "arch/aarch64/guest/mmu.h"
#include "guest/gkernel/kernel_stack.h"

#define FRAME_OFFSETS                                                                              \
    [size] "i"(sizeof(struct trap_frame)), [sp] "i"(offsetof(struct trap_frame, sp)),              \
        [pc] "i"(offsetof(struct trap_frame, pc)), [tls] "i"(offsetof(struct trap_frame, tls))
_Static_assert(offsetof(struct trap_frame, x[30]) + 8 == offsetof(struct trap_frame, sp) &&
                   offsetof(struct trap_frame, pc) + 8 == offsetof(struct trap_frame, status),
               "saved in pairs");

// What is run on when a thread's kernel stack is no good any more.
#define OVERFLOW_STACK_SIZE 2048
static _Alignas(16) __attribute__((used)) unsigned char overflow_stack[OVERFLOW_STACK_SIZE];

// Saves the rest; x0 and x1 are saved, x1 is the kind.
static __attribute__((naked, used)) void vector_save(void) {
    __asm__ volatile("stp x2, x3, [sp, #16]\n"
                     "stp x4, x5, [sp, #32]\n"
                     "stp x6, x7, [sp, #48]\n"
                     "stp x8, x9, [sp, #64]\n"
                     "stp x10, x11, [sp, #80]\n"
                     "stp x12, x13, [sp, #96]\n"
                     "stp x14, x15, [sp, #112]\n"
                     "stp x16, x17, [sp, #128]\n"
                     "stp x18, x19, [sp, #144]\n"
                     "stp x20, x21, [sp, #160]\n"
                     "stp x22, x23, [sp, #176]\n"
                     "stp x24, x25, [sp, #192]\n"
                     "stp x26, x27, [sp, #208]\n"
                     "stp x28, x29, [sp, #224]\n"
                     "mrs x2, sp_el0\n"
                     "mrs x3, elr_el1\n"
                     "mrs x4, spsr_el1\n"
                     "mrs x5, tpidr_el0\n"
                     "stp x30, x2, [sp, #%[sp] - 8]\n"
                     "stp x3, x4, [sp, #%[pc]]\n"
                     "str x5, [sp, #%[tls]]\n"
                     "mov x0, sp\n"
                     "bl %[dispatch]\n"
                     "mov x0, sp\n"
                     "b %[resume]\n" ::FRAME_OFFSETS,
                     [dispatch] "i"(trap_dispatch), [resume] "i"(vector_resume));
}

__attribute__((naked)) _Noreturn void vector_resume(struct trap_frame *frame) {
    __asm__ volatile("mov sp, x0\n"
                     "ldp x30, x2, [sp, #%[sp] - 8]\n"
                     "ldp x3, x4, [sp, #%[pc]]\n"
                     "ldr x5, [sp, #%[tls]]\n"
                     "msr sp_el0, x2\n"
                     "msr elr_el1, x3\n"
                     "msr spsr_el1, x4\n"
                     "msr tpidr_el0, x5\n"
                     "ldp x2, x3, [sp, #16]\n"
                     "ldp x4, x5, [sp, #32]\n"
                     "ldp x6, x7, [sp, #48]\n"
                     "ldp x8, x9, [sp, #64]\n"
                     "ldp x10, x11, [sp, #80]\n"
                     "ldp x12, x13, [sp, #96]\n"
                     "ldp x14, x15, [sp, #112]\n"
                     "ldp x16, x17, [sp, #128]\n"
                     "ldp x18, x19, [sp, #144]\n"
                     "ldp x20, x21, [sp, #160]\n"
                     "ldp x22, x23, [sp, #176]\n"
                     "ldp x24, x25, [sp, #192]\n"
                     "ldp x26, x27, [sp, #208]\n"
                     "ldp x28, x29, [sp, #224]\n"
                     "ldp x0, x1, [sp], #%[size]\n"
                     "eret\n" ::FRAME_OFFSETS);
}

static __attribute__((naked, used)) void vector_overflow(void) {
    __asm__ volatile("adrp x0, %[stack] + %[stack_size]\n"
                     "add x0, x0, :lo12:%[stack] + %[stack_size]\n"
                     "mov sp, x0\n"
                     "b %[overflow]\n" ::[stack] "i"(overflow_stack),
                     [stack_size] "i"(OVERFLOW_STACK_SIZE), [overflow] "i"(trap_overflow));
}

// Four parts of four entries, each of 0x80 bytes: for traps of the kernel on SP_EL0, which it never
// uses, and on its own stack; of user mode, and of 32-bit user mode, which there is not.
//
// A kernel stack is the upper half of an aligned block of twice its size (kernel_stack.h). One that
// runs over comes to where the address bit of its size is clear, and there nothing is mapped, so
// that the vector's own stores would trap for ever. The boot stack and the idle thread's are in the
// image, not in the window, and have no such half; but nothing nests there. To ask that needs a
// register: x0 and the stack pointer, added to each other and taken apart again, hold three values.
__attribute__((naked, aligned(2048))) void vector_table(void) {
    __asm__ volatile(".macro from_kernel kind\n"
                     ".balign 0x80\n"
                     "sub sp, sp, #%[size]\n"
                     "add sp, sp, x0\n"
                     "sub x0, sp, x0\n"
                     "tbz x0, #%[window_bit], 1f\n"
                     "tbz x0, #%[stack_bit], 2f\n"
                     "1: sub x0, sp, x0\n"
                     "sub sp, sp, x0\n"
                     "stp x0, x1, [sp]\n"
                     "mov x1, \\kind\n"
                     "b %[save]\n"
                     "2: b %[overflow]\n"
                     ".endm\n"
                     ".macro from_user kind\n"
                     ".balign 0x80\n"
                     "sub sp, sp, #%[size]\n"
                     "stp x0, x1, [sp]\n"
                     "mov x1, \\kind\n"
                     "b %[save]\n"
                     ".endm\n"
                     ".irp part, 0, 1\n"
                     "from_kernel %[synchronous]\n"
                     "from_kernel %[irq]\n"
                     "from_kernel %[fiq]\n"
                     "from_kernel %[serror]\n"
                     ".endr\n"
                     ".irp part, 0, 1\n"
                     "from_user %[synchronous]\n"
                     "from_user %[irq]\n"
                     "from_user %[fiq]\n"
                     "from_user %[serror]\n"
                     ".endr\n" ::[size] "i"(sizeof(struct trap_frame)),
                     [window_bit] "i"(MMU_WINDOW_BIT), [stack_bit] "i"(KERNEL_STACK_BIT),
                     [save] "i"(vector_save), [overflow] "i"(vector_overflow),
                     [synchronous] "i"(VECTOR_SYNCHRONOUS), [irq] "i"(VECTOR_IRQ),
                     [fiq] "i"(VECTOR_FIQ), [serror] "i"(VECTOR_SERROR));
}
