// A second task: answers each call with its words the other way round, by registers alone; a signal
// makes it fault.
    .section .text
    .global second_begin
second_begin:
    mov %rdi, %rax              // its argument: SYSCALL_TASK
    mov $2, %edi                // TASK_RECEIVE
    lea second_receive(%rip), %rsi
    mov %rsp, %rdx
    xor %ebx, %ebx
    syscall
    xor %eax, %eax
    mov $0x40000000, %ebx       // WAIT_ONLY
    syscall
    ud2
second_receive:
    cmp $9, %al                 // EXIT_SIGNAL
    je 1f
    xchg %rdi, %r13
    xchg %rsi, %r12
    xchg %rdx, %r9
    xchg %r10, %r8
    xor %eax, %eax
    xor %ebx, %ebx
    syscall
1:  mov %rdi, 8

    // A third: names a receive entry that is no address at all, and waits for the first record there.
    .global third_begin
third_begin:
    mov %rdi, %rax              // as the second's
    mov $2, %edi                // TASK_RECEIVE
    mov $1, %esi
    shl $63, %rsi
    mov %rsi, %rdx
    mov %rsi, %r10
    xor %ebx, %ebx
    syscall
    xor %eax, %eax
    mov $0x40000000, %ebx       // WAIT_ONLY
    syscall
    ud2
