// The ways into the core: SYSCALL, interrupts and exceptions of tasks, #VMEXIT; and the shortest way
// of a hypercall through the core and back.
//
// While a task runs, the task state segment's RSP0 is the end of its saved registers: interrupts
// push there by themselves, and SYSCALL finds it there. While a guest runs, the stack pointer that
// #VMEXIT gives back is the same of the vCPU. So `R` is how both are reached. The core's own stack
// holds nothing between two ways in. A system call changes rax, rbx, rcx, r11, r14 and r15 at most.
#include "offsets.h"

#define R(field) field(%rsp)
#define RSP0 tables_tss + TSS_RSP0

.macro core_stack
    mov boot_cpu + CPU_STACK_TOP, %rsp
.endm

// The guest's hidden state (FS, GS, TR, LDTR, the MSRs of SYSCALL and SYSENTER) to its VMCB, whose
// physical address is in rax, and the core's into the CPU.
.macro host_state
    vmsave %rax
    mov $svm_host - IMAGE_OFFSET, %eax
    vmload %rax
.endm

// TASK runs no more: its floating-point registers, if they are in the hardware, trap from now on.
.macro fp_traps task, scratch
    cmp boot_cpu + CPU_FP, \task
    jne 1f
    mov %cr0, \scratch
    or $CR0_NO_FP, \scratch
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
#define WORDS rsp, X_RDI, rdi, rsi, rdx, r10, r8, r9, r12, r13
#define WORDS_REST rsp, X_R10, r10, r8, r9, r12, r13
#define OTHERS rsp, X_RBX, rbx, rcx, rbp, r11, r14, r15

// The task whose saved registers end at TASK is entered next.
.macro enter_task task, scratch
    mov TASK_TRANSLATION(\task), \scratch
    mov \scratch, %cr3
    mov \task, RSP0
    mov REGS_TP(\task), \scratch
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
    lea REGS_SIZE(%rax), %rsi
    cmpb $0, CONTEXT_KIND(%rsi)
    jne leave_vcpu
    mov TASK_ARRIVING(%rsi), %rdi
    enter_task %rsi, %rcx
    // Floating point traps unless the registers are this task's.
    cmp boot_cpu + CPU_FP, %rax
    je 1f
    mov %cr0, %rcx
    or $CR0_NO_FP, %ecx
    mov %rcx, %cr0
    jmp 2f
1:  clts
2:  test %rdi, %rdi
    jnz arrive
    lea X_RDI(%rsi), %rsp
    .irp name, rdi, rsi, rdx, r10, r8, r9, r12, r13, rax, rbx, rcx, rbp, r11, r14, r15
    pop %\name
    .endr
    add $16, %rsp               // vector and error code
    stgi
    iretq

    // A record is handed over: rsi is the task's, rdi the record's words.
arrive:
    movq $0, TASK_ARRIVING(%rsi)
    mov TASK_SERVING(%rsi), %r11
    mov TASK_RECEIVE_PC(%rsi), %rcx
    mov TASK_RECEIVE_SP(%rsi), %rsp
    mov RECORD_INFO(%r11), %rax
    mov RECORD_PC(%r11), %rbx
    mov RECORD_SEQ(%r11), %r14
    mov RECORD_BADGE(%r11), %r15
    load rdi, 8, rsi, rdx, r10, r8, r9, r12, r13
    mov (%rdi), %rdi
forget_rest:
    xor %ebp, %ebp
enter_user:
    mov $FLAGS_OF_TASK, %r11d
    stgi
    sysretq

leave_idle:
    call trap_idle
    jmp vector_leave

leave_vcpu:
    cmp boot_cpu + CPU_READY, %rax
    je leave_guest
    mov %rax, %rbx              // the C functions keep rbx
    mov %rax, %rdi
    core_stack
    call trap_load_guest
    lea REGS_SIZE(%rbx), %rsi
leave_guest:
    mov %rsi, %rsp
    mov R(REGS_PC), %rcx
    mov R(X_VCPU_RAX), %rdx
    mov R(VCPU_VMCB), %rax
    mov %rcx, R(VMCB_RIP)
    mov %rdx, R(VMCB_RAX)
    mov R(X_RDX), %rdx
enter_guest:
    // An interrupt ends VMRUN only where the core itself would take it; with GIF clear it waits. Not
    // just before VMRUN: QEMU 7.2 takes the shadow of STI into the guest.
    clgi
    sti
    vmload %rax
    load WORDS_REST
    load OTHERS
    mov R(X_RSI), %rsi
    mov R(X_VCPU_RDI), %rdi
    vmrun %rax
    cli
    save rsp, X_RSI, rsi, rdx, r10, r8, r9, r12, r13
    save OTHERS
    mov %rdi, R(X_VCPU_RDI)
    mov R(VMCB_RAX), %rdi
    mov R(VMCB_RIP), %rbx
    mov R(VMCB_EXIT_CODE), %r11d    // an invalid VMCB's has 32 bits on QEMU, 64 in the manual
    mov %rdi, R(X_VCPU_RAX)
    mov %rbx, R(REGS_PC)
    movl $VMCB_ALL_CLEAN, R(VMCB_CLEAN)
    cmp $VMCB_EXIT_HYPERCALL, %r11d
    je hypercall
guest_trap:
    host_state
    lea -REGS_SIZE(%rsp), %rdi
    mov %r11d, %esi
    core_stack
    call trap_guest
    jmp vector_leave

    // A hypercall, all registers saved; the words still are the guest's, rdi its RAX, rbx its RIP.
    // Checks first.
hypercall:
    cmpb $0, R(VMCB_CPL)        // VMMCALL is open to the guest's user mode
    jne guest_trap
    mov R(VCPU_FAST_PORTAL), %rcx
    test %rcx, %rcx
    jz guest_trap               // no such route, or tracing
    mov PORTAL_WAITING(%rcx), %rcx
    test %rcx, %rcx
    jz guest_trap               // the server is busy, or there is none just now
    // The point of no return: rcx is the server.
    lea -REGS_SIZE(%rsp), %rbp
    mov %rbp, boot_cpu + CPU_FAST   // forward_settle writes the record down, should it be needed
    mov R(VCPU_SEQ), %r14
    inc %r14
    mov %r14, R(VCPU_SEQ)
    movq $0, R(VMCB_EVENT)
    host_state
    mov R(VCPU_FAST_INFO), %rax
    mov R(VCPU_FAST_BADGE), %r15
    add $REGS_SIZE, %rcx
enter_server:
    enter_task %rcx, %rbp
    mov TASK_RECEIVE_SP(%rcx), %rsp
    mov TASK_RECEIVE_PC(%rcx), %rcx
    jmp forget_rest             // the record's pc is in rbx

    .global vector_syscall
vector_syscall:
    mov %rsp, user_sp
    mov RSP0, %rsp
    test %rax, %rax
    jnz system_call
    test %rbx, %rbx
    jnz effects
    mov boot_cpu + CPU_FAST, %rcx
    test %rcx, %rcx
    jz answer_call              // not the answer to a record that came this way
    // The point of no return: rcx is the vCPU; rdi, rsi are its results.
    movq $0, boot_cpu + CPU_FAST
    lea REGS_SIZE(%rcx), %rsp
    mov R(VCPU_VMCB), %rax
    addq $3, R(VMCB_RIP)
    movq $0, R(VMCB_SHADOW)
    mov %rdi, R(VMCB_RAX)
    mov %rsi, %rdx
    jmp enter_guest

    // The answer to an exit by effects: what the words say stays in registers, or on the stack.
effects:
    cmp $1, %rbx
    je call_slow                // a deadline has no short way: no guest here arms one
    mov %rsi, R(X_RSI)
    mov %rdi, %rax              // word[0]
    lea -REGS_SIZE(%rsp), %rdi
    mov %rbx, %rsi
    mov %r10, %rcx
    core_stack
    push %rax
    push %r12
    call commit_effects
    cmp boot_cpu + CPU_READY, %rax
    jne vector_leave
    lea REGS_SIZE(%rax), %rsi
    jmp leave_guest             // back to the guest, for which all is in place

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
    mov %rbx, R(X_RBX)
    mov %rbp, R(X_RBP)
    mov %rcx, R(REGS_PC)
    mov user_sp, %rcx
    mov %rcx, R(REGS_SP)
    rdfsbase %rcx
    mov %rcx, R(REGS_TP)
    lea -REGS_SIZE(%rsp), %rdi
    mov %rax, %rsi
    core_stack
    call syscall_enter
called:
    test %rax, %rax
    jz leave_idle
    lea REGS_SIZE(%rax), %rsp
    cmpb $0, R(CONTEXT_QUICK)
    je vector_leave
    // It returns at once: callee-saved registers and FS are still its own.
    movb $0, R(CONTEXT_QUICK)
    load WORDS
    mov R(X_RAX), %rax
    mov R(REGS_PC), %rcx
    mov R(REGS_SP), %rsp
    jmp enter_user

    // CALL of portal rbx: to a server that waits, it takes no detour. Behind a call only rsp, rbp,
    // FS and rip are what they were, so all other registers are free. Checks first.
call:
    mov R(TASK_CAP_COUNT), %r11d
    cmp %r11, %rbx
    jae call_forget
    cmpq $0, boot_cpu + CPU_FAST
    jne call_forget             // forward_settle is due
    imul $CAP_SIZE, %rbx, %r14
    lea TASK_CAP(%rsp, %r14), %r14
    cmpb $CAP_TYPE_PORTAL, CAP_TYPE(%r14)
    jne call_forget
    testb $CAP_RIGHT_CALL, CAP_RIGHTS(%r14)
    jz call_forget
    movzwl CAP_INDEX(%r14), %r15d
    mov pool + POOL_PAGE, %r11
    mov POOL_GENERATION(%r11, %r15, 8), %r11d
    shl $12, %r15
    add pool + POOL_BASE, %r15  // the portal, if it still lives
    cmp CAP_GENERATION(%r14), %r11d
    jne call_forget
    mov PORTAL_WAITING(%r15), %r11
    test %r11, %r11
    jz call_forget
    // The point of no return: r11 is the server, r15 the portal. What portal_hand_over does:
    lea -REGS_SIZE(%rsp), %rbx
    fp_traps %rbx, %rax
    mov %rcx, R(REGS_PC)
    mov user_sp, %rax
    rdfsbase %rbx
    lea REGS_SIZE(%r11), %rcx
    mov %rbp, R(X_RBP)
    mov %rax, R(REGS_SP)
    mov %rbx, R(REGS_TP)
    mov %r15, R(TASK_CALL + RECORD_PORTAL)
    mov %r11, R(TASK_CALL + RECORD_SERVER)
    movq $0, PORTAL_WAITING(%r15)
    mov CAP_BASE(%r14), %r15
    mov R(TASK_CALL + RECORD_SEQ), %r14
    mov $EXIT_CLASS_CALL, %eax
    inc %r14
    lea R(TASK_CALL), %rbx
    save rsp, TASK_CALL + RECORD_WORD, rdi, rsi, rdx, r10, r8, r9, r12, r13
    mov %rax, R(TASK_CALL + RECORD_INFO)
    mov %r14, R(TASK_CALL + RECORD_SEQ)
    mov %r15, R(TASK_CALL + RECORD_BADGE)
    movb $TASK_STATE_CALLING, R(TASK_STATE)
    movb $TASK_STATE_READY, TASK_STATE(%rcx)
    mov %rbx, TASK_SERVING(%rcx)
    movq $0, TASK_EXIT(%rcx)
    xor %ebx, %ebx              // no guest's pc
    jmp enter_server

    // A reply that is no answer to a hypercall: to a call, it takes no detour either. Checks first.
answer_call:
    mov R(TASK_SERVING), %r14
    mov R(TASK_PORTAL), %r15
    test %r14, %r14
    jz call_slow
    test %r15, %r15
    jz call_slow
    cmpb $RECORD_OWNER_CALL, RECORD_OWNER(%r14)
    jne call_slow
    mov PORTAL_HEAD(%r15), %r11
    or PORTAL_LOST(%r15), %r11
    jnz call_slow               // somebody else waits for this server, or it is new
    // The point of no return: r14 is the caller, r15 the server's portal.
    sub $TASK_CALL, %r14
    lea -REGS_SIZE(%rsp), %rbp
    fp_traps %rbp, %r11
    mov %rax, TASK_CALL + RECORD_PORTAL(%r14)   // rax and rbx are 0
    mov %rax, TASK_CALL + RECORD_SERVER(%r14)
    mov %rax, R(TASK_SERVING)
    mov %rbp, PORTAL_WAITING(%r15)
    movb $TASK_STATE_WAITING, R(TASK_STATE)
    movb $TASK_STATE_READY, TASK_STATE(%r14)
    enter_task %r14, %rcx
    mov X_RBP(%r14), %rbp
    mov REGS_PC(%r14), %rcx
    mov REGS_SP(%r14), %rsp
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
    andq $~FLAG_INTERRUPTS, 16(%rsp)    // no other one before this one is looked at
    iretq
core_trapped:
    mov (%rsp), %rdi
    mov 16(%rsp), %rsi
    core_stack
    call trap_core

    .section .bss
    .balign 8
user_sp:
    .quad 0
    .global vector_taken
vector_taken:
    .quad 0
