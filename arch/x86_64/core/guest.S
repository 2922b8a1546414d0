// Guests: into them by VMRUN, and out of them. The shortest ways of a hypercall, CPUID and MSRs to
// their server.
#include "arch/x86_64/core/vector.inc"

    .section .text.vector, "ax"
    .global guest_leave, guest_resume, guest_enter, guest_serve

guest_leave:
    cmp boot_cpu + cpu__ready, %rax
    je guest_resume
    mov %rax, %rbx              // the C functions keep rbx
    mov %rax, %rdi
    core_stack
    call trap_load_guest
    lea sizeof__regs(%rbx), %rsi
guest_resume:
    mov %rsi, %rsp
    mov R(regs__pc), %rcx
    mov R(X(value__REG_VCPU_RAX)), %rdx
    mov R(vcpu__arch__vmcb), %rax
    mov %rcx, R(PAGE + vmcb__rip)
    mov %rdx, R(PAGE + vmcb__rax)
    mov R(X(value__REG_RDX)), %rdx
guest_enter:
    // An interrupt ends VMRUN only where the core itself would take it; with GIF clear it waits. Not
    // just before VMRUN: QEMU 7.2 takes the shadow of STI into the guest.
    clgi
    sti
    vmload %rax
    load WORDS_REST
    load OTHERS
    mov R(X(value__REG_RSI)), %rsi
    mov R(X(value__REG_VCPU_RDI)), %rdi
    vmrun %rax
    cli
    save rsp, X(value__REG_RSI) - sizeof__regs, rsi, rdx, r10, r8, r9, r12, r13
    save OTHERS
    mov %rdi, R(X(value__REG_VCPU_RDI))
    mov R(PAGE + vmcb__rax), %rdi
    mov R(PAGE + vmcb__rip), %rbx
    mov R(PAGE + vmcb__exit_code), %r11d    // an invalid VMCB's has 32 bits on QEMU, 64 in the manual
    movl $value__VMCB_CLEAN_ALL, R(PAGE + vmcb__clean)
    cmp $value__VMCB_EXIT_VMMCALL, %r11d
    je hypercall
    cmp $value__VMCB_EXIT_CPUID, %r11d
    je instruction
    cmp $value__VMCB_EXIT_MSR, %r11d
    jne guest_trap
    mov R(PAGE + vmcb__exit_info1), %r14    // 1: WRMSR
    shl $32, %r14
    or %r14, %r11
    jmp instruction
guest_trap:
    mov %rdi, R(X(value__REG_VCPU_RAX))
    mov %rbx, R(regs__pc)
    host_state
    lea -sizeof__regs(%rsp), %r12
    mov %r11d, %r13d
    core_stack
    call trap_guest
    jmp vector_leave

    // A hypercall, all registers saved but RAX and RIP, which stay in the VMCB (arch_vcpu_settle); the
    // words still are the guest's, rdi its RAX, rbx its RIP. Checks first.
hypercall:
    movzbl %bl, %ebp
    cmp %rbx, PLAIN(%rsp, %rbp, 8)
    jne guest_trap              // is it three bytes long? (fetch_prefixes)
    testl $value__RFLAGS_TRAP, R(PAGE + vmcb__rflags)
    jnz guest_trap              // a single step ends behind it
    cmpb $0, R(PAGE + vmcb__cpl)        // VMMCALL is open to the guest's user mode
    jne guest_trap
    mov R(vcpu__fast_portal), %rcx
    test %rcx, %rcx
    jz guest_trap               // no such route, or tracing
    mov portal__waiting(%rcx), %rcx
    test %rcx, %rcx
    jz guest_trap               // the server is busy, or there is none just now
    // The point of no return: rcx is the server.
    lea -sizeof__regs(%rsp), %rbp
    mov %rbp, boot_cpu + cpu__fast   // forward_settle writes the record down, should it be needed
    incq R(vcpu__record__seq)
    mov R(vcpu__record__seq), %r14
    host_state
    load rsp, vcpu__fast_info - sizeof__regs, rax, r15
    add $sizeof__regs, %rcx
guest_serve:
    enter_task %rcx, %rbp
    mov E(task__receive_sp, %rcx), %rsp
    mov E(task__receive_pc, %rcx), %rcx
    xor %ebp, %ebp              // the record's pc is in rbx
    mov $value__RFLAGS_ONE + value__RFLAGS_INTERRUPTS, %r11d
    stgi
    sysretq

    // CPUID and the MSRs, which guests use all the time: what trap_instruction and forward_exit do, to a
    // server that waits. All registers are saved; rcx and rdx still are the guest's, rdi its RAX, rbx
    // its RIP, r11 word 0. Checks first.
instruction:
    movzbl %bl, %ebp
    cmp %rbx, PLAIN(%rsp, %rbp, 8)
    jne guest_trap              // is it two bytes long?
    testl $value__RFLAGS_TRAP, R(PAGE + vmcb__rflags)
    jnz guest_trap
    mov %rdi, R(X(value__REG_VCPU_RAX))
    mov %rbx, R(regs__pc)
    cmpb $0, R(PAGE + vmcb__cpl)
    jne guest_trap
    cmpb $0, R(vcpu__tracing)
    jne guest_trap
    mov R(ROUTE + route__portal), %rbp
    test %rbp, %rbp
    jz guest_trap
    mov portal__waiting(%rbp), %r12
    test %r12, %r12
    jz guest_trap
    // The point of no return: r12 is the server, rbp the portal.
    shl $32, %rdx
    mov %edi, %edi
    or %rdi, %rdx
    mov %ecx, %esi
    mov %r11, %rdi
    mov R(vcpu__fast_info), %r8     // a hypercall's from kernel mode, whose class is 0
    mov R(RECORD + record__seq), %r14
    mov R(ROUTE + route__badge), %r15
    add $value__EXIT_SYSREG, %r8
    inc %r14
    save rsp, RECORD + record__word - sizeof__regs, rdi, rsi, rdx
    save rsp, RECORD + record__info - sizeof__regs, r8, rbx, r14, r15
    save rsp, RECORD + record__portal - sizeof__regs, rbp, r12
    movq $0, portal__waiting(%rbp)
    incq R(vcpu__count + 8 * value__EXIT_SYSREG)
    movb $value__VCPU_EXITED, R(vcpu__state)
    lea R(ROUTE), %r9
    lea R(RECORD), %r10
    mov %r9, R(vcpu__taken)
    lea -sizeof__regs(%rsp), %r9
    host_state
    mov %r8, %rax
    lea sizeof__regs(%r12), %rcx
    mov %r9, E(task__exit, %rcx)
    mov %r10, E(task__serving, %rcx)
    movb $value__TASK_READY, E(task__state, %rcx)
    .irp name, r8, r9, r10, r12, r13
    xor %\name, %\name
    .endr
    jmp guest_serve
