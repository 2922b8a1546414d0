// The ways into the core: SYSCALL, interrupts and exceptions of tasks, #VMEXIT; and the shortest way
// of a hypercall through the core and back.
//
// While a task runs, the task state segment's RSP0 is the end of its saved registers: interrupts
// push there by themselves, and SYSCALL finds it there. While a guest runs, the stack pointer that
// #VMEXIT gives back is the same of the vCPU. So `R` is how both are reached. The core's own stack
// holds nothing between two ways in. A system call changes rax, rbx, rcx, r11, r14 and r15 at most.
#include "offsets.h"

// Places in saved registers, and in what begins with them: of whose end the stack pointer, or another,
// is the address.
#define R(place) (place) - sizeof__regs(%rsp)
#define E(place, end) (place) - sizeof__regs(end)
#define X(number) regs__x + 8 * (number)
#define PLAIN vcpu__arch__plain - sizeof__regs
#define PAGE value__PAGE_SIZE // behind a vCPU: its VMCB
#define RSP0 tables_tss + task_state_segment__rsp0

.macro core_stack
    mov boot_cpu + cpu__stack_top, %rsp
.endm

// The guest's hidden state (FS, GS, TR, LDTR, the MSRs of SYSCALL and SYSENTER) to its VMCB, whose
// physical address is in rax, and the core's into the CPU.
.macro host_state
    vmsave %rax
    mov $svm_host - value__BOOT_IMAGE_OFFSET, %eax
    vmload %rax
.endm

// TASK runs no more: its floating-point registers, if they are in the hardware, trap from now on.
.macro fp_traps task, scratch
    cmp boot_cpu + cpu__fp, \task
    jne 1f
    mov %cr0, \scratch
    or $value__CR0_TASK_SWITCHED, \scratch
    mov \scratch, %cr0
1:
.endm

// Registers to and from their places behind BASE, which follow each other from FIRST on.
.macro save base, first, list:vararg
    .set place, \first
    .irp name, \list
    mov %\name, place(%\base)
    .set place, place + 8
    .endr
.endm
.macro load base, first, list:vararg
    .set place, \first
    .irp name, \list
    mov place(%\base), %\name
    .set place, place + 8
    .endr
.endm
#define WORDS rsp, X(value__REG_RDI) - sizeof__regs, rdi, rsi, rdx, r10, r8, r9, r12, r13
#define WORDS_REST rsp, X(value__REG_R10) - sizeof__regs, r10, r8, r9, r12, r13
#define OTHERS rsp, X(value__REG_RBX) - sizeof__regs, rbx, rcx, rbp, r11, r14, r15

// The task whose saved registers end at TASK is entered next.
.macro enter_task task, scratch
    mov E(task__translation, \task), \scratch
    mov \scratch, %cr3
    mov \task, RSP0
    mov E(regs__tp, \task), \scratch
    wrfsbase \scratch
.endm

    .section .text.vector, "ax"

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
    jz leave_idle
    lea sizeof__regs(%rax), %rsi
    cmpb $0, E(context__kind, %rsi)
    jne leave_vcpu
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
forget_rest:
    xor %ebp, %ebp
enter_user:
    mov $value__RFLAGS_ONE + value__RFLAGS_INTERRUPTS, %r11d
    stgi
    sysretq

leave_idle:
    call trap_idle
    jmp vector_leave

leave_vcpu:
    cmp boot_cpu + cpu__ready, %rax
    je leave_guest
    mov %rax, %rbx              // the C functions keep rbx
    mov %rax, %rdi
    core_stack
    call trap_load_guest
    lea sizeof__regs(%rbx), %rsi
leave_guest:
    mov %rsi, %rsp
    mov R(regs__pc), %rcx
    mov R(X(value__REG_VCPU_RAX)), %rdx
    mov R(vcpu__arch__vmcb), %rax
    mov %rcx, R(PAGE + vmcb__rip)
    mov %rdx, R(PAGE + vmcb__rax)
    mov R(X(value__REG_RDX)), %rdx
enter_guest:
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
    mov R(vcpu__record__seq), %r14
    inc %r14
    mov %r14, R(vcpu__record__seq)
    host_state
    load rsp, vcpu__fast_info - sizeof__regs, rax, r15
    add $sizeof__regs, %rcx
enter_server:
    enter_task %rcx, %rbp
    mov E(task__receive_sp, %rcx), %rsp
    mov E(task__receive_pc, %rcx), %rcx
    jmp forget_rest             // the record's pc is in rbx

    // CPUID and the MSRs, which guests use all the time: what trap_instruction and forward_exit do, to a
    // server that waits. All registers are saved; rcx and rdx still are the guest's, rdi its RAX, rbx
    // its RIP, r11 word 0. Checks first.
#define ROUTE vcpu__route + value__EXIT_SYSREG * sizeof__route
#define RECORD vcpu__record
instruction:
    movzbl %bl, %ebp
    cmp %rbx, PLAIN(%rsp, %rbp, 8)
    jne guest_trap              // is it two bytes long?
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
    jmp enter_server

    .global vector_syscall
vector_syscall:
    mov %rsp, user_sp
    mov RSP0, %rsp
    test %rax, %rax
    jnz system_call
    test %rbx, %rbx
    jnz effects
    mov boot_cpu + cpu__fast, %rcx
    test %rcx, %rcx
    jz answer_call              // not the answer to a record that came this way
    // The point of no return: rcx is the vCPU; rdi, rsi are its results.
    movq $0, boot_cpu + cpu__fast
    lea sizeof__regs(%rcx), %rsp
    mov R(vcpu__arch__vmcb), %rax
    addq $3, R(PAGE + vmcb__rip)
    movq $0, R(PAGE + vmcb__shadow)
    mov %rdi, R(PAGE + vmcb__rax)
    mov %rsi, %rdx
    jmp enter_guest

    // The answer to an exit by effects: what the words say stays in registers, or on the stack.
effects:
    test $value__REPLY_WRITE + value__REPLY_RAISE + value__REPLY_MAP, %bl
    jnz effects_others
    mov $value__TRAP_ANSWER_RESULT, %eax
    cmp %rax, %rbx
    mov $value__VMCB_EXIT_CPUID, %eax
    je instruction_done
    mov $value__TRAP_ANSWER_DEADLINE, %eax
    cmp %rax, %rbx
    mov $value__VMCB_EXIT_MSR, %eax
    je instruction_done
effects_others:
    mov %rsi, R(X(value__REG_RSI))
    lea -sizeof__regs(%rsp), %r13
    mov %rbx, %r14
    mov %r10, %r15
    core_stack
    call trap_effects
    cmp boot_cpu + cpu__ready, %rax
    jne vector_leave
    lea sizeof__regs(%rax), %rsi
    jmp leave_guest             // back to the guest, for which all is in place

    // The answer to CPUID, or by a deadline to WRMSR, instructions of two bytes: what commit_effects
    // does for others. eax is the exit's code. Checks first.
instruction_done:
    mov R(task__exit), %rcx
    mov R(task__portal), %r14
    test %rcx, %rcx
    jz effects_others
    lea sizeof__regs(%rcx), %r15
    cmp %eax, E(PAGE + vmcb__exit_code, %r15)
    jne effects_others
    mov E(vcpu__taken, %r15), %r11
    cmpw $0, E(vcpu__detained, %r15)
    jne effects_others
    cmpq $0, portal__head(%r14)
    jne effects_others
    cmpq $0, boot_cpu + cpu__tasks__head
    jne effects_others
    cmp boot_cpu + cpu__ready, %rcx
    jne effects_others
    mov route__may(%r11), %eax
    and %ebx, %eax
    xor %ebx, %eax              // what it may not, and the mark
    add %eax, %eax
    jnz effects_others
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
    jmp enter_guest
1:  lea -sizeof__regs(%rsp), %rdi
    mov %rdx, %rsi
    core_stack
    call sched_deadline         // keeps r15
    mov %r15, %rsp
    mov R(X(value__REG_RDX)), %rdx
    mov R(vcpu__arch__vmcb), %rax
    jmp enter_guest

    // rax is its number, rbx the selector. REPLY_WAIT comes here, too: the long way of an answer.
system_call:
    cmp $1, %rax
    je call
    jmp call_slow
call_forget:                    // nothing of what the checks looked at may reach the caller
    xor %r14d, %r14d
    xor %r15d, %r15d
call_slow:
    save WORDS
    mov %rbx, R(X(value__REG_RBX))
    mov %rbp, R(X(value__REG_RBP))
    mov %rcx, R(regs__pc)
    mov user_sp, %rcx
    mov %rcx, R(regs__sp)
    rdfsbase %rcx
    mov %rcx, R(regs__tp)
    lea -sizeof__regs(%rsp), %rdi
    mov %rax, %rsi
    core_stack
    call syscall_enter
called:
    test %rax, %rax
    jz leave_idle
    lea sizeof__regs(%rax), %rsp
    cmpb $0, R(context__quick)
    je vector_leave
    // It returns at once: callee-saved registers and FS are still its own.
    movb $0, R(context__quick)
    load WORDS
    mov R(X(value__REG_RAX)), %rax
    mov R(regs__pc), %rcx
    mov R(regs__sp), %rsp
    jmp enter_user

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
    mov user_sp, %rax
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
    jmp enter_server

    // A reply that is no answer to a hypercall: to a call, it takes no detour either. Checks first.
answer_call:
    mov R(task__serving), %r14
    mov R(task__portal), %r15
    test %r14, %r14
    jz call_slow
    test %r15, %r15
    jz call_slow
    cmpb $value__RECORD_CALL, record__owner(%r14)
    jne call_slow
    mov portal__head(%r15), %r11
    or portal__lost(%r15), %r11
    jnz call_slow               // somebody else waits for this server, or it is new
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
    jmp enter_user              // rax is 0: STATUS_OK

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
user_sp:
    .quad 0
    .global vector_taken
vector_taken:
    .quad 0
