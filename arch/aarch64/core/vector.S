// The exception vectors, and the shortest way of a hypercall through the core and back.
//
// While a guest or a task runs, SP_EL2 points to its context: its registers are saved there. While
// the core runs, SP_EL2 is the CPU's stack. A system call may change x8 and up to x17, as a call of a
// C function may.
#include "offsets.h"

#define X(n) ((n) * 8)

// Registers in pairs, to and from their places behind BASE; those of the list are each pair's first.
.macro pairs op, base, list:vararg
    .irp n, \list
    .altmacro
    pair \op, \n, %(\n + 1), \base
    .noaltmacro
    .endr
.endm
.macro pair op, first, second, base
    \op x\first, x\second, [\base, #X(\first)]
.endm

.macro forget list:vararg
    .irp n, \list
    mov x\n, xzr
    .endr
.endm

.macro words op, base, offset = 0
    \op x0, x1, [\base, #\offset]
    \op x2, x3, [\base, #\offset + 16]
    \op x4, x5, [\base, #\offset + 32]
    \op x6, x7, [\base, #\offset + 48]
.endm

// x10 and x11, saved before, stay as they are.
.macro save_rest
    pairs stp, sp, 0, 2, 4, 6, 8, 12, 14, 16, 18, 20, 22, 24, 26, 28
    mrs x12, sp_el0
    mrs x13, elr_el2
    mrs x14, spsr_el2
    mrs x15, tpidr_el0
    stp x30, x12, [sp, #X(30)]
    stp x13, x14, [sp, #REGS_PC]
    str x15, [sp, #REGS_TP]
.endm

// From a context to the core's stack; x0 is the context.
.macro enter_core
    mov x0, sp
    ldr x18, [sp, #CONTEXT_CPU]
    ldr x18, [x18, #CPU_STACK_TOP]
    mov sp, x18
.endm

.macro host_mode scratch
    mov \scratch, #(HCR_HOST_LOW)
    movk \scratch, #(HCR_HOST_HIGH), lsl #32
    msr hcr_el2, \scratch
.endm

// Where a task goes on: what arrives there, or comes back, is in the other registers.
.macro enter_task translation, pc, sp, tp
    msr ttbr0_el2, \translation
    msr elr_el2, \pc
    msr sp_el0, \sp
    msr tpidr_el0, \tp
.endm

// What a system call must leave as it is, beside what C functions keep.
.macro save_task
    mrs x10, sp_el0
    mrs x11, tpidr_el0
    mrs x12, elr_el2
    mrs x13, spsr_el2
    str x10, [sp, #REGS_SP]
    stp x12, x13, [sp, #REGS_PC]
    str x11, [sp, #REGS_TP]
.endm

    .section .text.vector, "ax"
    .global vector
    .balign 2048
vector:
    // From the core itself: there is nothing that it could do wrong and go on.
    .rept 8
    .balign 128
    b core_trapped
    .endr

    .balign 128
synchronous:
    stp x10, x11, [sp, #X(10)]
    mrs x10, esr_el2
    lsr x11, x10, #26
    cmp x11, #CLASS_SVC         // only a task's comes here
    b.eq task_call
    save_rest
    cmp x11, #CLASS_HVC
    b.eq hypercall
    b trap

    .balign 128
interrupt:
    stp x10, x11, [sp, #X(10)]
    save_rest
    enter_core
    bl trap_interrupt
    b vector_leave

    .balign 128
    b interrupt                 // FIQ: group 0, which the core enables nowhere

    .balign 128
system_error:
    stp x10, x11, [sp, #X(10)]
    save_rest
    mrs x1, esr_el2
    mrs x2, far_el2
    enter_core
    bl trap_error
    b vector_leave

    // From AArch32 at EL0 of a guest, the only place where that can be.
    .balign 128
    b synchronous
    .balign 128
    b interrupt
    .balign 128
    b interrupt
    .balign 128
    b system_error

trap:
    mov x1, x10
    mrs x2, far_el2
    enter_core
    bl trap_handle

    // x0: the context to run, or 0. Nothing else is in any register.
    .global vector_leave
vector_leave:
    cbz x0, leave_idle
    ldrb w1, [x0, #CONTEXT_KIND]
    cbnz w1, leave_vcpu
    ldr x2, [x0, #TASK_TRANSLATION]
    ldr x3, [x0, #TASK_ARRIVING]
    msr ttbr0_el2, x2
    host_mode x4
    // Floating point traps unless the registers are this task's. While they are those of a guest
    // that is ready, that is so.
    ldr x5, [x0, #CONTEXT_CPU]
    ldr x6, [x5, #CPU_READY]
    cmp x6, x5
    b.eq leave_point
leave_task:
    cbnz x3, arrive
    b leave
leave_guest:
    ldr x2, [x0, #VCPU_HCR]
    msr hcr_el2, x2
leave:
    mov sp, x0
    ldp x10, x11, [sp, #REGS_PC]
    ldr x12, [sp, #REGS_TP]
    ldp x30, x13, [sp, #X(30)]
    msr elr_el2, x10
    msr spsr_el2, x11
    msr tpidr_el0, x12
    msr sp_el0, x13
    pairs ldp, sp, 0, 2, 4, 6, 8
leave_rest:
    pairs ldp, sp, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28
    eret

    // A record is handed over: x0 is the task, x3 the record's words.
arrive:
    mov sp, x0
    ldr x12, [sp, #TASK_SERVING]
    ldp x13, x14, [sp, #TASK_RECEIVE_PC]
    ldr x15, [sp, #TASK_RECEIVE_TP]
    str xzr, [sp, #TASK_ARRIVING]
    msr elr_el2, x13
    msr sp_el0, x14
    msr tpidr_el0, x15
    msr spsr_el2, xzr           // EL0, nothing masked
    ldp x8, x9, [x12, #RECORD_INFO]
    ldp x10, x11, [x12, #RECORD_SEQ]
    ldp x0, x1, [x3]
    ldp x4, x5, [x3, #32]
    ldp x6, x7, [x3, #48]
    ldp x2, x3, [x3, #16]
forget_rest:
    forget 29, 30
forget_saved:
    forget 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
    eret

leave_vcpu:
    ldr x1, [x0, #CONTEXT_CPU]
    ldr x1, [x1, #CPU_READY]
    cmp x1, x0
    b.eq leave_guest
    mov x19, x0                 // the C functions keep x19
    bl trap_load_guest
    mov x0, x19
    b leave_guest

leave_point:
    ldr x5, [x5, #CPU_FP]
    mov x6, #CPTR_TASKS_TRAP
    mov x7, #CPTR_FREE
    cmp x5, x0
    csel x6, x7, x6, eq
    msr cptr_el2, x6
    b leave_task

leave_idle:
    bl trap_idle
    b vector_leave

    // A hypercall, all registers saved; x0…x7 still are the guest's, x13 is the pc behind it.
hypercall:
    ldr x15, [sp, #VCPU_FAST_PORTAL]
    sub x9, x13, #4             // a record's pc is that of the instruction itself
    str x9, [sp, #REGS_PC]
    cbz x15, trap               // no such route, or tracing
    ldr x15, [x15, #PORTAL_WAITING]
    cbz x15, trap               // the server is busy, or there is none just now
    // The point of no return: x15 is the server, sp the vCPU.
    ldr x12, [sp, #CONTEXT_CPU]
    mov x13, sp
    str x13, [x12, #CPU_FAST]   // forward_settle writes the record down, should it be needed
    ldr x10, [sp, #VCPU_SEQ]
    add x10, x10, #1
    str x10, [sp, #VCPU_SEQ]
    ldr x12, [x15, #TASK_TRANSLATION]
    ldp x13, x14, [x15, #TASK_RECEIVE_PC]
    ldr x16, [x15, #TASK_RECEIVE_TP]
    enter_task x12, x13, x14, x16
    host_mode x17
    msr spsr_el2, xzr
    ldp x8, x11, [sp, #VCPU_FAST_INFO]
    mov sp, x15
    // Nothing of the guest's or the core's is left in the other registers.
    b forget_rest

    // The answer to anything else: only its words are needed, because a record arrives at a fixed
    // place.
reply:
    pairs stp, sp, 0, 2, 4, 6
    mov x1, x9
    enter_core
    bl trap_reply
    b vector_leave

    // A task's system call: x8 its number, x9 the selector; x10…x17 may be changed.
task_call:
    cbnz x8, system_call
    cbnz x9, effects_or_reply
    ldr x12, [sp, #CONTEXT_CPU]
    ldr x13, [x12, #CPU_FAST]
    cbz x13, answer_call        // not the answer to a record that came this way
    // The point of no return: x13 is the vCPU; x0, x1 are its results.
    str xzr, [x12, #CPU_FAST]
    mov sp, x13
    ldp x10, x11, [sp, #REGS_PC]
    ldr x12, [sp, #REGS_TP]
    ldr x14, [sp, #VCPU_HCR]
    ldp x30, x13, [sp, #X(30)]
    add x10, x10, #4
    msr elr_el2, x10
    msr spsr_el2, x11
    msr tpidr_el0, x12
    msr sp_el0, x13
    msr hcr_el2, x14
    pairs ldp, sp, 2, 4, 6, 8
    b leave_rest

    // A hypercall's answer with a deadline has no shortcut: no guest here arms one. Others are
    // answers by effects: what the words say stays in registers.
effects_or_reply:
    cmp x9, #1
    b.eq reply
    str x1, [sp, #X(1)]
    mov x7, x0                  // word[0]
    mov x1, x9
    ldr x19, [sp, #CONTEXT_CPU]
    mov x0, sp
    ldr x18, [x19, #CPU_STACK_TOP]
    mov sp, x18
    bl commit_effects
    ldr x1, [x19, #CPU_READY]
    cmp x1, x0
    b.eq leave_guest            // back to the guest, for which all is in place
    b vector_leave

system_call:
    cmp x8, #1                  // CALL: only its words and where it goes on
    b.eq call
    pairs stp, sp, 0, 2, 4, 6, 8, 18, 29
    save_task
    mov x1, x8
    enter_core
    bl syscall_enter
called:
    cbz x0, leave_idle
    ldrb w1, [x0, #CONTEXT_QUICK]
    cbz w1, vector_leave
    // It returns at once: callee-saved registers, ELR, SPSR, SP_EL0 and TPIDR are still its own.
    strb wzr, [x0, #CONTEXT_QUICK]
    mov sp, x0
    pairs ldp, sp, 0, 2, 4, 6, 8, 18, 29
    forget 9, 10, 11, 12, 13, 14, 15, 16, 17
    eret

    // CALL of portal x9 with words x0…x7: to a server that waits, it takes no detour. Behind a call
    // only sp, x29, tp and pc are what they were, so all other registers are free. Checks first.
call:
    ldr x19, [sp, #CONTEXT_CPU]
    ldr w20, [sp, #TASK_CAP_COUNT]
    ldr x21, [x19, #CPU_FAST]
    ldr x22, [x19, #CPU_FP]
    mov x23, sp
    cmp x9, x20
    b.hs call_slow
    cbnz x21, call_slow         // forward_settle is due
    cmp x22, x23
    b.eq call_slow              // its floating-point registers are in the hardware
    mov x20, #CAP_SIZE
    madd x20, x9, x20, x23      // the capability, CAP_… from here
    ldrb w21, [x20, #CAP_TYPE]
    ldrb w22, [x20, #CAP_RIGHTS]
    cmp w21, #CAP_TYPE_PORTAL
    b.ne call_slow
    tst w22, #CAP_RIGHT_CALL
    b.eq call_slow
    ldrh w21, [x20, #CAP_INDEX]
    ldr w22, [x20, #CAP_GENERATION]
    adrp x24, pool
    add x24, x24, :lo12:pool
    ldr x25, [x24, #POOL_PAGE]
    ldr x24, [x24, #POOL_BASE]
    add x25, x25, x21, lsl #3
    ldr w25, [x25, #POOL_GENERATION]
    add x24, x24, x21, lsl #12  // the portal, if it still lives
    cmp w25, w22
    b.ne call_slow
    ldr x25, [x24, #PORTAL_WAITING]
    cbz x25, call_slow
    // The point of no return: x25 is the server, x24 the portal. What portal_hand_over does:
    add x26, x23, #TASK_CALL
    ldr x10, [x26, #RECORD_SEQ]
    ldr x11, [x20, #CAP_BASE]
    mov x8, #EXIT_CLASS_CALL
    add x10, x10, #1
    words stp, x26, RECORD_WORD
    str x8, [x26, #RECORD_INFO]
    stp x10, x11, [x26, #RECORD_SEQ]
    stp x24, x25, [x26, #RECORD_PORTAL]
    str xzr, [x24, #PORTAL_WAITING]
    str x26, [x25, #TASK_SERVING]
    str xzr, [x25, #TASK_EXIT]
    mov w12, #TASK_STATE_READY
    mov w13, #TASK_STATE_CALLING
    strb w12, [x25, #TASK_STATE]
    strb w13, [sp, #TASK_STATE]
    mrs x12, sp_el0
    mrs x13, tpidr_el0
    mrs x14, elr_el2
    str x29, [sp, #X(29)]
    str x12, [sp, #REGS_SP]
    str x14, [sp, #REGS_PC]
    str x13, [sp, #REGS_TP]
    ldr x15, [x25, #TASK_TRANSLATION]
    ldp x16, x17, [x25, #TASK_RECEIVE_PC]
    ldr x18, [x25, #TASK_RECEIVE_TP]
    enter_task x15, x16, x17, x18
    mov sp, x25
    mov x9, xzr                 // no guest's pc
    b forget_rest

    // A reply that is no answer to a hypercall: to a call, it takes no detour either. Checks first.
answer_call:
    ldr x19, [sp, #TASK_SERVING]
    ldr x20, [sp, #TASK_PORTAL]
    ldr x21, [x12, #CPU_FP]
    cbz x19, reply
    cbz x20, reply
    ldrb w22, [x19, #RECORD_OWNER]
    ldr x23, [x20, #PORTAL_HEAD]
    ldr x24, [x20, #PORTAL_LOST]
    mov x25, sp
    cmp w22, #RECORD_OWNER_CALL
    b.ne reply
    orr x23, x23, x24           // somebody else waits for this server, or it is new
    cbnz x23, reply
    cmp x21, x25
    b.eq reply                  // its floating-point registers are in the hardware
    sub x26, x19, #TASK_CALL    // the caller
    cmp x21, x26
    b.eq reply                  // or the caller's
    // The point of no return: x26 is the caller, x20 the server's portal.
    stp xzr, xzr, [x19, #RECORD_PORTAL]
    str xzr, [sp, #TASK_SERVING]
    str x25, [x20, #PORTAL_WAITING]
    mov w12, #TASK_STATE_WAITING
    mov w13, #TASK_STATE_READY
    strb w12, [sp, #TASK_STATE]
    strb w13, [x26, #TASK_STATE]
    ldr x14, [x26, #TASK_TRANSLATION]
    ldr x15, [x26, #REGS_PC]
    ldr x16, [x26, #REGS_SP]
    ldr x17, [x26, #REGS_TP]
    ldr x29, [x26, #X(29)]
    enter_task x14, x15, x16, x17
    mov sp, x26
    forget 9, 10, 11, 30
    b forget_saved              // x8 is 0: STATUS_OK

call_slow:
    // Nothing of what the checks looked at may reach the caller, should it return at once.
    forget 18, 19, 20, 21, 22, 23, 24, 25, 30
    pairs stp, sp, 0, 2, 4, 6, 8, 18, 29
    save_task
    mov x1, x9
    enter_core
    bl syscall_call
    b called

core_trapped:
    mov x19, sp
    mrs x0, esr_el2
    mrs x1, elr_el2
    mrs x2, far_el2
    b trap_core
