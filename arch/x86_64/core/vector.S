// Interrupts and exceptions, of tasks and of the core itself, and the way to whoever runs next.
#include "arch/x86_64/core/vector.inc"

    .section .text.vector, "ax"
    .global vector_idle, vector_forget, vector_enter, vector_taken

    // Where each vector leads, 16 bytes apart. Some exceptions push an error code by themselves.
    .global vector_stubs, vector_stubs_end
    .balign 16
vector_stubs:
    .set number, 0
    .rept 256
    .balign 16
    .if number == 2
    iretq                       // not maskable: nobody here waits for one
    .else
    .if !(number == 8 || (number >= 10 && number <= 14) || number == 17 || number == 21 || number == 30)
    push $0
    .endif
    push $number
    jmp vector_common
    .endif
    .set number, number + 1
    .endr
    .balign 16
vector_stubs_end:

vector_common:
    testb $3, 24(%rsp)          // CS: whose privilege level it was
    jz vector_core
    clac
    cld
    .irp name, r15, r14, r11, rbp, rcx, rbx, rax, r13, r12, r9, r8, r10, rdx, rsi, rdi
    push %\name
    .endr
    rdfsbase %rax
    push %rax
    lea -8(%rsp), %rdi          // the pad before it: the context
    core_stack
    call trap_task

    // rax: the context to run, or 0. Nothing else is in any register.
    .global vector_leave
vector_leave:
    test %rax, %rax
    jz vector_idle
    lea sizeof__regs(%rax), %rsi
    cmpb $0, E(context__kind, %rsi)
    jne guest_leave
    mov E(task__arriving, %rsi), %rdi
    enter_task %rsi, %rcx
    // Floating point traps unless the registers are this task's.
    cmp boot_cpu + cpu__fp, %rax
    je 1f
    mov %cr0, %rcx
    or $value__CR0_TASK_SWITCHED, %ecx
    mov %rcx, %cr0
    jmp 2f
1:  clts
2:  test %rdi, %rdi
    jnz arrive
    lea E(X(value__REG_RDI), %rsi), %rsp
    .irp name, rdi, rsi, rdx, r10, r8, r9, r12, r13, rax, rbx, rcx, rbp, r11, r14, r15
    pop %\name
    .endr
    add $16, %rsp               // vector and error code
    stgi
    iretq

    // A record is handed over: rsi is the task's, rdi the record's words.
arrive:
    movq $0, E(task__arriving, %rsi)
    mov E(task__serving, %rsi), %r11
    mov E(task__receive_pc, %rsi), %rcx
    mov E(task__receive_sp, %rsi), %rsp
    load r11, record__info, rax, rbx, r14, r15
    load rdi, 8, rsi, rdx, r10, r8, r9, r12, r13
    mov (%rdi), %rdi
vector_forget:
    xor %ebp, %ebp
vector_enter:
    mov $value__RFLAGS_ONE + value__RFLAGS_INTERRUPTS, %r11d
    stgi
    sysretq

vector_idle:
    call trap_idle
    jmp vector_leave

    // In the core itself, on its stack: an interrupt that it lets in, or the end.
vector_core:
    cmpq $32, (%rsp)
    jb core_trapped
    push %rax
    mov 8(%rsp), %rax
    mov %eax, vector_taken
    pop %rax
    add $16, %rsp
    andq $~value__RFLAGS_INTERRUPTS, 16(%rsp)    // no other one before this one is looked at
    iretq
core_trapped:
    mov 16(%rsp), %rdi
    core_stack
    call trap_core

    .section .bss
    .balign 8
vector_taken:
    .quad 0
