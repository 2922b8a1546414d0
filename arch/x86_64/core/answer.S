// Answers to exits by answer_effects, and of these the shortest way back to the guest.
#include "arch/x86_64/core/vector.inc"

    .section .text.vector, "ax"
    .global answer_effects

    // The answer to an exit by answer_effects: what the words say stays in registers, or on the stack.
answer_effects:
    test $value__REPLY_WRITE + value__REPLY_RAISE + value__REPLY_MAP, %bl
    jnz answer_long
    mov $value__TRAP_ANSWER_RESULT, %eax
    cmp %rax, %rbx
    mov $value__VMCB_EXIT_CPUID, %eax
    je instruction_done
    mov $value__TRAP_ANSWER_DEADLINE, %eax
    cmp %rax, %rbx
    mov $value__VMCB_EXIT_MSR, %eax
    je instruction_done
answer_long:
    mov %rsi, R(X(value__REG_RSI))
    lea -sizeof__regs(%rsp), %r13
    mov %rbx, %r14
    mov %r10, %r15
    core_stack
    call trap_effects
    cmp boot_cpu + cpu__ready, %rax
    jne vector_leave
    lea sizeof__regs(%rax), %rsi
    jmp guest_resume             // back to the guest, for which all is in place

    // The answer to CPUID, or by a deadline to WRMSR, instructions of two bytes: what commit_effects
    // does for others. eax is the exit's code. Checks first.
instruction_done:
    mov R(task__exit), %rcx
    mov R(task__portal), %r14
    test %rcx, %rcx
    jz answer_long
    lea sizeof__regs(%rcx), %r15
    cmp %eax, E(PAGE + vmcb__exit_code, %r15)
    jne answer_long
    mov E(vcpu__taken, %r15), %r11
    cmpw $0, E(vcpu__detained, %r15)
    jne answer_long
    cmpq $0, portal__head(%r14)
    jne answer_long
    cmpq $0, boot_cpu + cpu__tasks__head
    jne answer_long
    cmp boot_cpu + cpu__ready, %rcx
    jne answer_long
    mov route__may(%r11), %eax
    and %ebx, %eax
    xor %ebx, %eax              // what it may not, and the mark
    add %eax, %eax
    jnz answer_long
    // The point of no return: r15 is the vCPU, r14 the server's portal. What the guest is to go on
    // with is in the VMCB yet.
    lea -sizeof__regs(%rsp), %rbp
    save r15, RECORD + record__portal - sizeof__regs, rax, rax  // rax is 0
    movb $value__VCPU_RUNNABLE, E(vcpu__state, %r15)
    mov %rax, R(task__serving)
    mov %rax, R(task__exit)
    movb $value__TASK_WAITING, R(task__state)
    mov %rbp, portal__waiting(%r14)
    addq $2, E(PAGE + vmcb__rip, %r15)
    mov %rax, E(PAGE + vmcb__shadow, %r15)
    mov %r15, %rsp
    test $value__REPLY_DEADLINE, %bl
    jnz 1f
    mov %edi, %eax
    mov %esi, %ecx
    shr $32, %rdi
    mov %rsi, %rdx
    shr $32, %rdx
    mov %rax, R(PAGE + vmcb__rax)
    mov %rdi, R(X(value__REG_RBX))
    mov %rcx, R(X(value__REG_RCX))
    mov R(vcpu__arch__vmcb), %rax
    jmp guest_enter
1:  lea -sizeof__regs(%rsp), %rdi
    mov %rdx, %rsi
    core_stack
    call sched_deadline         // keeps r15
    mov %r15, %rsp
    mov R(X(value__REG_RDX)), %rdx
    mov R(vcpu__arch__vmcb), %rax
    jmp guest_enter
