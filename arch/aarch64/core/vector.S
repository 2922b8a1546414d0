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

// Two members that lie together.
.macro both op, first, second, base, member, next
    .if (\next) != (\member) + 8
    .error "they do not lie together"
    .endif
    \op \first, \second, [\base, #\member]
.endm

// x10 and x11, saved before, stay as they are.
.macro save_rest
    pairs stp, sp, 0, 2, 4, 6, 8, 12, 14, 16, 18, 20, 22, 24, 26, 28
    mrs x12, sp_el0
    mrs x13, elr_el2
    mrs x14, spsr_el2
    mrs x15, tpidr_el0
    both stp, x30, x12, sp, X(30), regs__sp
    both stp, x13, x14, sp, regs__pc, regs__pstate
    str x15, [sp, #regs__tp]
.endm

// From a context to the core's stack; x0 is the context.
.macro enter_core
    mov x0, sp
    ldr x18, [sp, #context__cpu]
    ldr x18, [x18, #cpu__stack_top]
    mov sp, x18
.endm

.macro host_mode scratch
    mov \scratch, #(value__HCR_HOST & 0xffffffff)
    movk \scratch, #(value__HCR_HOST >> 32), lsl #32
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
    str x10, [sp, #regs__sp]
    both stp, x12, x13, sp, regs__pc, regs__pstate
    str x11, [sp, #regs__tp]
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
    cmp x11, #value__ESR_CLASS_SVC // only a task's comes here
    b.eq task_call
    save_rest
    cmp x11, #value__ESR_CLASS_HVC
    b.eq hypercall
    tbz x14, #value__PSTATE_AARCH32_BIT, trap
    b trap_a32

    .balign 128
interrupt:
    stp x10, x11, [sp, #X(10)]
    save_rest
    msr pan, #1                 // as in trap
    enter_core
    bl trap_interrupt
    b vector_leave

    .balign 128
    b interrupt                 // FIQ: group 0, which the core enables nowhere

    .balign 128
system_error:                   // one that nobody can be told of in time
    stp x10, x11, [sp, #X(10)]
    save_rest
    mrs x10, esr_el2
    b trap

    // From below an EL1 in AArch32, which none is: what counts is not EL0's state, but EL1's (Arm
    // ARM, D1.3.1).
    .rept 4
    .balign 128
    b core_trapped
    .endr

    // The way back leads through trap_load_guest, which sees whether the instruction was done.
trap_a32:
    ldr x11, [sp, #context__cpu]
    str x13, [sp, #vcpu__arch__a32_exit]
    str x11, [x11, #cpu__ready]
trap:
    // An exception sets it only while TGE is 1: from a guest, it is the guest's (Arm ARM, SCTLR_EL2,
    // SPAN).
    msr pan, #1
    mov x1, x10
    mrs x2, far_el2
    enter_core
    bl trap_handle

    // x0: the context to run, or 0. Nothing else is in any register.
    .global vector_leave
vector_leave:
    cbz x0, leave_idle
    ldrb w1, [x0, #context__kind]
    cbnz w1, leave_vcpu
    ldr x2, [x0, #task__translation]
    ldr x3, [x0, #task__arriving]
    msr ttbr0_el2, x2
    host_mode x4
    // Floating point traps unless the registers are this task's. While they are those of a guest
    // that is ready, that is so.
    ldr x5, [x0, #context__cpu]
    ldr x6, [x5, #cpu__ready]
    cmp x6, x5
    b.eq leave_point
leave_task:
    cbnz x3, arrive
    b leave
leave_guest:
    ldr x2, [x0, #vcpu__arch__hcr]
    msr hcr_el2, x2
leave:
    mov sp, x0
    both ldp, x10, x11, sp, regs__pc, regs__pstate
    ldr x12, [sp, #regs__tp]
    both ldp, x30, x13, sp, X(30), regs__sp
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
    ldr x12, [sp, #task__serving]
    both ldp, x13, x14, sp, task__receive_pc, task__receive_sp
    ldr x15, [sp, #task__receive_tp]
    str xzr, [sp, #task__arriving]
    msr elr_el2, x13
    msr sp_el0, x14
    msr tpidr_el0, x15
    msr spsr_el2, xzr           // EL0, nothing masked
    both ldp, x8, x9, x12, record__info, record__pc
    both ldp, x10, x11, x12, record__seq, record__badge
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
    ldr x1, [x0, #context__cpu]
    ldr x1, [x1, #cpu__ready]
    cmp x1, x0
    b.eq leave_guest
    mov x19, x0                 // the C functions keep x19
    bl trap_load_guest
    mov x0, x19
    b leave_guest

leave_point:
    ldr x5, [x5, #cpu__fp]
    mov x6, #value__CPTR_FP_TASKS_TRAP
    mov x7, #value__CPTR_FP_FREE
    cmp x5, x0
    csel x6, x7, x6, eq
    msr cptr_el2, x6
    b leave_task

leave_idle:
    mrs x0, tpidr_el2           // the CPU
    bl trap_idle
    b vector_leave

    // A hypercall, all registers saved; x0…x7 still are the guest's, x13 is the pc behind it.
hypercall:
    ldr x15, [sp, #vcpu__fast_portal]
    sub x9, x13, #4             // a record's pc is that of the instruction itself
    str x9, [sp, #regs__pc]
    cbz x15, trap               // no such route, or tracing
    ldr x15, [x15, #portal__waiting]
    cbz x15, trap               // the server is busy, or there is none just now
    // The point of no return: x15 is the server, sp the vCPU.
    ldr x12, [sp, #context__cpu]
    mov x13, sp
    str x13, [x12, #cpu__fast]  // forward_settle writes the record down, should it be needed
    ldr x10, [sp, #vcpu__record__seq]
    add x10, x10, #1
    str x10, [sp, #vcpu__record__seq]
    ldr x12, [x15, #task__translation]
    both ldp, x13, x14, x15, task__receive_pc, task__receive_sp
    ldr x16, [x15, #task__receive_tp]
    enter_task x12, x13, x14, x16
    host_mode x17
    msr spsr_el2, xzr
    both ldp, x8, x11, sp, vcpu__fast_info, vcpu__fast_badge
    mov sp, x15
    // Nothing of the guest's or the core's is left in the other registers.
    b forget_rest

    // The answer to anything else: only its words are needed, because a record arrives at a fixed
    // place.
reply:
    pairs stp, sp, 0, 2, 4, 6, 8
    mov x1, x8
    enter_core
    bl syscall_enter
    b vector_leave

    // A task's system call: x8 its number, x9 the selector; x10…x17 may be changed.
task_call:
    cbnz x8, system_call
    cbnz x9, effects_or_reply
    ldr x12, [sp, #context__cpu]
    ldr x13, [x12, #cpu__fast]
    cbz x13, answer_call        // not the answer to a record that came this way
    // The point of no return: x13 is the vCPU; x0, x1 are its results.
    str xzr, [x12, #cpu__fast]
    mov sp, x13
    both ldp, x10, x11, sp, regs__pc, regs__pstate
    ldr x12, [sp, #regs__tp]
    ldr x14, [sp, #vcpu__arch__hcr]
    both ldp, x30, x13, sp, X(30), regs__sp
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
    ldr x19, [sp, #context__cpu]
    mov x0, sp
    ldr x18, [x19, #cpu__stack_top]
    mov sp, x18
    bl commit_effects
    ldr x1, [x19, #cpu__ready]
    cmp x1, x0
    b.eq leave_guest            // back to the guest, for which all is in place
    b vector_leave

system_call:
    cmp x8, #1                  // CALL: only its words and where it goes on
    b.eq call
system_call_long:
    pairs stp, sp, 0, 2, 4, 6, 8, 18, 29
    save_task
    mov x1, x8
    enter_core
    bl syscall_enter
    cbz x0, leave_idle
    ldrb w1, [x0, #context__quick]
    cbz w1, vector_leave
    // It returns at once: callee-saved registers, ELR, SPSR, SP_EL0 and TPIDR are still its own.
    strb wzr, [x0, #context__quick]
    mov sp, x0
    pairs ldp, sp, 0, 2, 4, 6, 8, 18, 29
    forget 9, 10, 11, 12, 13, 14, 15, 16, 17
    eret

    // CALL of portal x9 with words x0…x7: to a server that waits, it takes no detour. Behind a call
    // only sp, x29, tp and pc are what they were, so all other registers are free. Checks first.
call:
    ldr x19, [sp, #context__cpu]
    ldr w20, [sp, #task__cap_count]
    ldr x21, [x19, #cpu__fast]
    ldr x22, [x19, #cpu__fp]
    mov x23, sp
    cmp x9, x20
    b.hs call_slow
    cbnz x21, call_slow         // forward_settle is due
    cmp x22, x23
    b.eq call_slow              // its floating-point registers are in the hardware
    mov x20, #sizeof__cap
    madd x20, x9, x20, x23      // the capability, CAP_… from here
    ldrb w21, [x20, #(task__cap + cap__type)]
    ldrb w22, [x20, #(task__cap + cap__rights)]
    cmp w21, #value__OBJECT_PORTAL
    b.ne call_slow
    tst w22, #value__RIGHT_CALL
    b.eq call_slow
    ldrh w21, [x20, #(task__cap + cap__index)]
    adrp x24, pool
    add x24, x24, :lo12:pool
    ldr x24, [x24, #pool__base]
    add x24, x24, x21, lsl #12  // the portal: none ever ends
    ldr x25, [x24, #portal__waiting]
    cbz x25, call_slow
    // The point of no return: x25 is the server, x24 the portal. What portal_hand_over does:
    add x26, x23, #task__call
    ldr x10, [x26, #record__seq]
    ldr x11, [x20, #(task__cap + cap__base)]
    mov x8, #value__EXIT_CALL
    add x10, x10, #1
    stp x0, x1, [x26, #record__word]
    stp x2, x3, [x26, #record__word + 16]
    stp x4, x5, [x26, #record__word + 32]
    stp x6, x7, [x26, #record__word + 48]
    str x8, [x26, #record__info]
    both stp, x10, x11, x26, record__seq, record__badge
    both stp, x24, x25, x26, record__portal, record__server
    str xzr, [x24, #portal__waiting]
    str x26, [x25, #task__serving]
    str xzr, [x25, #task__exit]
    mov w12, #value__TASK_READY
    mov w13, #value__TASK_CALLING
    strb w12, [x25, #task__state]
    strb w13, [sp, #task__state]
    mrs x12, sp_el0
    mrs x13, tpidr_el0
    mrs x14, elr_el2
    str x29, [sp, #X(29)]
    str x12, [sp, #regs__sp]
    str x14, [sp, #regs__pc]
    str x13, [sp, #regs__tp]
    ldr x15, [x25, #task__translation]
    both ldp, x16, x17, x25, task__receive_pc, task__receive_sp
    ldr x18, [x25, #task__receive_tp]
    enter_task x15, x16, x17, x18
    mov sp, x25
    mov x9, xzr                 // no guest's pc
    b forget_rest

    // A reply that is no answer to a hypercall: to a call, it takes no detour either. Checks first.
answer_call:
    ldr x19, [sp, #task__serving]
    ldr x20, [sp, #task__portal]
    ldr x21, [x12, #cpu__fp]
    cbz x19, reply
    cbz x20, reply
    ldrb w22, [x19, #record__owner]
    ldr x23, [x20, #portal__head]
    ldr x24, [x20, #portal__lost]
    mov x25, sp
    cmp w22, #value__RECORD_CALL
    b.ne reply
    orr x23, x23, x24           // somebody else waits for this server, or it is new
    cbnz x23, reply
    cmp x21, x25
    b.eq reply                  // its floating-point registers are in the hardware
    sub x26, x19, #task__call   // the caller
    cmp x21, x26
    b.eq reply                  // or the caller's
    // The point of no return: x26 is the caller, x20 the server's portal.
    both stp, xzr, xzr, x19, record__portal, record__server
    str xzr, [sp, #task__serving]
    str x25, [x20, #portal__waiting]
    mov w12, #value__TASK_WAITING
    mov w13, #value__TASK_READY
    strb w12, [sp, #task__state]
    strb w13, [x26, #task__state]
    ldr x14, [x26, #task__translation]
    ldr x15, [x26, #regs__pc]
    ldr x16, [x26, #regs__sp]
    ldr x17, [x26, #regs__tp]
    ldr x29, [x26, #X(29)]
    enter_task x14, x15, x16, x17
    mov sp, x26
    forget 9, 10, 11, 30
    b forget_saved              // x8 is 0: STATUS_OK

call_slow:
    // Nothing of what the checks looked at may reach the caller, should it return at once.
    forget 18, 19, 20, 21, 22, 23, 24, 25, 30
    b system_call_long

core_trapped:
    mrs x0, elr_el2
    b trap_core
