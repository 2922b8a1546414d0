// The ways into the kernel (APM volume 2, chapters 6.1 and 8.9): save all registers on the kernel's
// stack and call trap.c.
#include "arch/x86_64/guest/frame.h"
#include "arch/x86_64/guest/mmu.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"

// Exceptions for which the CPU pushes an error code: 8, 10 to 14, 17, 21, 29, 30.
#define WITH_ERROR 0x60227d00

#define SCRATCH_SIZE 8
// The user's stack pointer for as long as there is no other place for it: there is one CPU.
static __attribute__((used)) uint64_t user_stack;
_Static_assert(sizeof(user_stack) == SCRATCH_SIZE, "one register");

// SYSCALL leaves the user's stack pointer, with interrupts off. The frame is one that a trap would
// have made.
__attribute__((naked)) void vector_syscall(void) {
    __asm__ volatile(
        "mov %%rsp, user_stack(%%rip)\n"
        "mov segments_tss + %c[rsp0](%%rip), %%rsp\n"
        "push $%c[ss]\n"
        "push user_stack(%%rip)\n"
        "push %%r11\n"
        "push $%c[cs]\n"
        "push %%rcx\n"
        "push $0\n"
        "push $%c[vector]\n"
        "jmp vector_save\n" ::[rsp0] "i"(offsetof(struct segments_tss, rsp)),
        [ss] "i"(SEGMENT_USER_DATA), [cs] "i"(SEGMENT_USER_CODE), [vector] "i"(VECTOR_SYSCALL));
}

// The flags of user mode that no interrupt gate clears are no good for the kernel: backwards string
// instructions, and alignment checks, whose flag also lifts SMAP.
//
// SYSRET is the way back from a system call, unless something else has become of the thread:
// trap_frame_start() leaves no vector. Where user mode's next instruction would be outside of its
// half SYSRET would fault in the kernel, on the user's stack (AMD CPUs do not, but guests run on
// others); and it does not bring back a single step's flag as IRET does.
__attribute__((naked, used)) void vector_save(void) {
    __asm__ volatile("push %%rax\n"
                     "push %%rbx\n"
                     "push %%rcx\n"
                     "push %%rdx\n"
                     "push %%rsi\n"
                     "push %%rdi\n"
                     "push %%rbp\n"
                     "push %%r8\n"
                     "push %%r9\n"
                     "push %%r10\n"
                     "push %%r11\n"
                     "push %%r12\n"
                     "push %%r13\n"
                     "push %%r14\n"
                     "push %%r15\n"
                     "push $%c[flags]\n"
                     "popfq\n"
                     "mov %%rsp, %%rdi\n"
                     "call trap_dispatch\n"
                     "mov %%rsp, %%rdi\n"
                     "jmp vector_resume\n" ::[flags] "i"(FLAGS_FIXED));
}

__attribute__((naked)) _Noreturn void vector_resume(struct trap_frame *frame) {
    __asm__ volatile(
        "mov %%rdi, %%rsp\n"
        "pop %%r15\n"
        "pop %%r14\n"
        "pop %%r13\n"
        "pop %%r12\n"
        "pop %%r11\n"
        "pop %%r10\n"
        "pop %%r9\n"
        "pop %%r8\n"
        "pop %%rbp\n"
        "pop %%rdi\n"
        "pop %%rsi\n"
        "pop %%rdx\n"
        "pop %%rcx\n"
        "pop %%rbx\n"
        "cmpq $%c[syscall], %c[vector](%%rsp)\n"
        "jne 1f\n"
        "testq $%c[trap], %c[rflags](%%rsp)\n"
        "jnz 1f\n"
        "mov %c[rip](%%rsp), %%rcx\n"
        "mov %%rcx, %%rax\n"
        "shr $%c[user_bits], %%rax\n"
        "jnz 1f\n"
        "mov %c[rflags](%%rsp), %%r11\n"
        "mov (%%rsp), %%rax\n"
        "mov %c[rsp](%%rsp), %%rsp\n"
        "sysretq\n"
        "1: pop %%rax\n"
        "add $16, %%rsp\n"
        "iretq\n" ::[syscall] "i"(VECTOR_SYSCALL),
        [trap] "i"(FLAGS_TRAP), [user_bits] "i"(MMU_USER_BITS),
        [vector] "i"(offsetof(struct trap_frame, vector) - offsetof(struct trap_frame, rax)),
        [rip] "i"(offsetof(struct trap_frame, rip) - offsetof(struct trap_frame, rax)),
        [rflags] "i"(offsetof(struct trap_frame, rflags) - offsetof(struct trap_frame, rax)),
        [rsp] "i"(offsetof(struct trap_frame, rsp) - offsetof(struct trap_frame, rax)));
}

__attribute__((naked, used, aligned(VECTOR_STUB_SIZE))) static void vector_all(void) {
    __asm__ volatile(".globl vector_stubs\n"
                     "vector_stubs:\n"
                     ".set vector, 0\n"
                     ".rept %c[count]\n"
                     ".balign %c[size]\n"
                     ".if vector >= %c[exceptions] || !((%c[with_error] >> vector) & 1)\n"
                     "push $0\n"
                     ".endif\n"
                     "push $vector\n"
                     "jmp vector_save\n"
                     ".set vector, vector + 1\n"
                     ".endr\n" ::[count] "i"(VECTOR_COUNT),
                     [size] "i"(VECTOR_STUB_SIZE), [exceptions] "i"(VECTOR_EXCEPTIONS),
                     [with_error] "i"(WITH_ERROR));
}
