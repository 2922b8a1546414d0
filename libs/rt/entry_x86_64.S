// Where a server begins, where its records arrive, and how it reads guest memory.
#include "libs/rt/layout.h"

// Word 3 in the register where C has its fourth argument, words 6 and 7 where C has the others: on
// the stack, behind the address to return to.
.macro arguments
    mov %r10, %rcx
    push %r13
    push %r12
    push $0
.endm

    .section .text.start, "ax"
    .global _start
_start:
    lea rt_record(%rip), %rsp   // the head of a record stands above the stack
    arguments                   // the words, as init, or the core, gave them
    jmp rt_start

    // A record: its words as in a system call, rax info, rbx pc, r14 seq, r15 badge
    // (ipc/message.h). rsp is rt_record.
    .global rt_receive
rt_receive:
    mov %rax, (%rsp)
    mov %rbx, 8(%rsp)
    mov %r14, 16(%rsp)
    mov %r15, 24(%rsp)
dispatch:
    arguments
    test %al, %al
    jnz rt_exit
    jmp rt_hypercall            // whose class is 0

    // The same for the first record, whatever it is: it goes the long way, to begin in rt.c.
    .global rt_receive_first
rt_receive_first:
    mov %rax, (%rsp)
    mov %rbx, 8(%rsp)
    mov %r14, 16(%rsp)
    mov %r15, 24(%rsp)
    arguments
    jmp rt_handle_rest

    // Behind what begin did, that record goes the way of all others: a server need not know the
    // long way of what it answers quickly. It lies where rt_handle_rest put it.
    .global rt_receive_again
rt_receive_again:
    lea rt_record(%rip), %rsp
    mov -64(%rsp), %rdi
    mov -56(%rsp), %rsi
    mov -48(%rsp), %rdx
    mov -40(%rsp), %r10
    mov -32(%rsp), %r8
    mov -24(%rsp), %r9
    mov -16(%rsp), %r12
    mov -8(%rsp), %r13
    mov (%rsp), %rax
    jmp dispatch

    // A server without these of its own.
    .weak rt_exit, rt_hypercall
rt_exit:
rt_hypercall:
    // The long way: the record goes to the handler as a struct message, and the struct reply that
    // it fills is the answer. Words 6 and 7 may lie where the message is to be.
    .global rt_handle_rest
rt_handle_rest:
    mov 8(%rsp), %r12
    mov 16(%rsp), %r13
    lea rt_record(%rip), %rsp
    push %r13                   // struct message: the words, then the head that rt_receive stored
    push %r12
    push %r9
    push %r8
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    mov %rsp, %rsi
    xor %eax, %eax
    sub $RT_REPLY_SIZE, %rsp
    mov %rax, (%rsp)
    mov %rax, 8(%rsp)
    mov %rax, 16(%rsp)
    mov %rax, 24(%rsp)
    mov %rax, 32(%rsp)
    mov %rax, 40(%rsp)
    mov %rax, 48(%rsp)
    mov %rax, 56(%rsp)
    mov %rax, 64(%rsp)
    lea rt_handling(%rip), %rbx
    mov 8(%rbx), %rdi
    mov %rsp, %rdx
    call *(%rbx)
    mov (%rsp), %rbx
    mov 8(%rsp), %rdi
    mov 16(%rsp), %rsi
    mov 24(%rsp), %rdx
    mov 32(%rsp), %r10
    mov 40(%rsp), %r8
    mov 48(%rsp), %r9
    mov 56(%rsp), %r12
    mov 64(%rsp), %r13
    xor %eax, %eax              // SYSCALL_REPLY_WAIT: the next record arrives at rt_receive
    syscall
    ud2

    // uint64_t rt_guest_fetch(uint64_t pc): the core walks the guest's tables. There is nothing that
    // could fault here, and so no place to go on at.
    .section .text
    .global rt_guest_fetch, rt_fetch_begin, rt_fetch_end, rt_fetch_failed
rt_guest_fetch:
    push %rbx
    mov %rdi, %rsi
    mov $RT_TASK_FETCH, %edi
    mov $RT_SYSCALL_TASK, %eax
    xor %ebx, %ebx
    syscall
    pop %rbx
    test %rax, %rax
    mov $-1, %rax               // RT_NO_INSTRUCTION
    cmovz %rdi, %rax
    ret
rt_fetch_begin:
rt_fetch_end:
rt_fetch_failed:
    ud2

    // int __set_thread_area(void *): musl's start makes FS.base its thread pointer so. A server may
    // do that itself.
    .global __set_thread_area
    .hidden __set_thread_area
__set_thread_area:
    wrfsbase %rdi
    xor %eax, %eax
    ret

    .section .stack, "aw", @nobits
    .balign 4096
    .space RT_STACK_SIZE - 64
    .global rt_record
rt_record:
    .space 64
