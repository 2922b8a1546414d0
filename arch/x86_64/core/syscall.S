// SYSCALL: the answer to a hypercall, calls of other tasks and answers to them in the shortest way,
// and all others. A system call changes rax, rbx, rcx, r11, r14 and r15 at most.
#include "arch/x86_64/core/vector.inc"

    .section .text.vector, "ax"
    .global vector_syscall

vector_syscall:
    mov %rsp, syscall_sp
    mov RSP0, %rsp
    test %rax, %rax
    jnz system_call
    test %rbx, %rbx
    jnz answer_effects
    mov boot_cpu + cpu__fast, %rcx
    test %rcx, %rcx
    jz syscall_answer              // not the answer to a record that came this way
    // The point of no return: rcx is the vCPU; rdi, rsi are its results.
    movq $0, boot_cpu + cpu__fast
    lea sizeof__regs(%rcx), %rsp
    mov R(vcpu__arch__vmcb), %rax
    addq $3, R(PAGE + vmcb__rip)
    movq $0, R(PAGE + vmcb__shadow)
    mov %rdi, R(PAGE + vmcb__rax)
    mov %rsi, %rdx
    jmp guest_enter

    // rax is its number, rbx the selector. REPLY_WAIT comes here, too: the long way of an answer.
system_call:
    cmp $1, %rax
    je call
    jmp syscall_slow
call_forget:                    // nothing of what the checks looked at may reach the caller
    xor %r14d, %r14d
    xor %r15d, %r15d
syscall_slow:
    save WORDS
    mov %rbx, R(X(value__REG_RBX))
    mov %rbp, R(X(value__REG_RBP))
    mov %rcx, R(regs__pc)
    mov syscall_sp, %rcx
    mov %rcx, R(regs__sp)
    rdfsbase %rcx
    mov %rcx, R(regs__tp)
    lea -sizeof__regs(%rsp), %rdi
    mov %rax, %rsi
    core_stack
    call syscall_enter
called:
    test %rax, %rax
    jz vector_idle
    lea sizeof__regs(%rax), %rsp
    cmpb $0, R(context__quick)
    je vector_leave
    // It returns at once: callee-saved registers and FS are still its own.
    movb $0, R(context__quick)
    load WORDS
    mov R(X(value__REG_RAX)), %rax
    mov R(regs__pc), %rcx
    mov R(regs__sp), %rsp
    jmp vector_enter

    // CALL of portal rbx: to a server that waits, it takes no detour. Behind a call only rsp, rbp,
    // FS and rip are what they were, so all other registers are free. Checks first.
call:
    mov R(task__cap_count), %r11d
    cmp %r11, %rbx
    jae call_forget
    cmpq $0, boot_cpu + cpu__fast
    jne call_forget             // forward_settle is due
    imul $sizeof__cap, %rbx, %r14
    lea task__cap - sizeof__regs(%rsp, %r14), %r14
    cmpb $value__OBJECT_PORTAL, cap__type(%r14)
    jne call_forget
    testb $value__RIGHT_CALL, cap__rights(%r14)
    jz call_forget
    movzwl cap__index(%r14), %r15d
    mov pool + pool__page, %r11
    mov pool_page__generation(%r11, %r15, 8), %r11d
    shl $12, %r15
    add pool + pool__base, %r15  // the portal, if it still lives
    cmp cap__generation(%r14), %r11d
    jne call_forget
    mov portal__waiting(%r15), %r11
    test %r11, %r11
    jz call_forget
    // The point of no return: r11 is the server, r15 the portal. What portal_hand_over does:
    lea -sizeof__regs(%rsp), %rbx
    fp_traps %rbx, %rax
    mov %rcx, R(regs__pc)
    mov syscall_sp, %rax
    rdfsbase %rbx
    lea sizeof__regs(%r11), %rcx
    mov %rbp, R(X(value__REG_RBP))
    mov %rax, R(regs__sp)
    mov %rbx, R(regs__tp)
    save rsp, task__call + record__portal - sizeof__regs, r15, r11
    movq $0, portal__waiting(%r15)
    mov cap__base(%r14), %r15
    mov R(task__call + record__seq), %r14
    mov $value__EXIT_CALL, %eax
    inc %r14
    lea R(task__call), %rbx
    save rsp, task__call + record__word - sizeof__regs, rdi, rsi, rdx, r10, r8, r9, r12, r13
    mov %rax, R(task__call + record__info)
    save rsp, task__call + record__seq - sizeof__regs, r14, r15
    movb $value__TASK_CALLING, R(task__state)
    movb $value__TASK_READY, E(task__state, %rcx)
    mov %rbx, E(task__serving, %rcx)
    movq $0, E(task__exit, %rcx)
    xor %ebx, %ebx              // no guest's pc
    jmp guest_serve

    // A reply that is no answer to a hypercall: to a call, it takes no detour either. Checks first.
syscall_answer:
    mov R(task__serving), %r14
    mov R(task__portal), %r15
    test %r14, %r14
    jz syscall_slow
    test %r15, %r15
    jz syscall_slow
    cmpb $value__RECORD_CALL, record__owner(%r14)
    jne syscall_slow
    mov portal__head(%r15), %r11
    or portal__lost(%r15), %r11
    jnz syscall_slow               // somebody else waits for this server, or it is new
    // The point of no return: r14 is the caller, r15 the server's portal.
    sub $task__call - sizeof__regs, %r14
    lea -sizeof__regs(%rsp), %rbp
    fp_traps %rbp, %r11
    save r14, task__call + record__portal - sizeof__regs, rax, rax   // rax and rbx are 0
    mov %rax, R(task__serving)
    mov %rbp, portal__waiting(%r15)
    movb $value__TASK_WAITING, R(task__state)
    movb $value__TASK_READY, E(task__state, %r14)
    enter_task %r14, %rcx
    mov E(X(value__REG_RBP), %r14), %rbp
    mov E(regs__pc, %r14), %rcx
    mov E(regs__sp, %r14), %rsp
    xor %r14d, %r14d
    xor %r15d, %r15d
    jmp vector_enter              // rax is 0: STATUS_OK

    .section .bss
    .balign 8
syscall_sp:
    .quad 0
