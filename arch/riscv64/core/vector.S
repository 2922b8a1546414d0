// The trap vector, and the shortest way of a hypercall through the core and back.
//
// sscratch always points to the context that runs: its registers are saved there. While the core
// runs, sscratch points to the CPU's own context, where only a bug in the core would save any.
//
// What comes in, and the label that takes it; where that leads, "else" when a check fails:
//   a guest kernel's hypercall  hypercall: into its server; else trap
//   all else but system calls   trap: trap_handle (trap.c), vector_leave
//   REPLY_WAIT, by its flags    task_call, and from there
//     REPLY_HYPERCALL           answer: back into the guest
//     … that is to a CALL       answer_call: back into the caller; else reply
//     REPLY_HYPERCALL_DEADLINE  answer_deadline: answer; else reply
//     others                    effects: commit_effects (kernel/exit/commit.c), leave
//   CALL                        call: into the server; else call_slow: syscall_call, called
//   other system calls          system_call: syscall_enter (kernel/syscall/syscall.c), called
// vector_leave enters whatever context C returned: leave restores all registers, arrive hands a
// record over at the receive entry. What returns from a system call at once leaves through called.
#include "offsets.h"

#define X(n) ((n) * 8)

.macro for_each_callee_saved op
    \op s0, X(8)(sp)
    \op s1, X(9)(sp)
    \op s2, X(18)(sp)
    \op s3, X(19)(sp)
    \op s4, X(20)(sp)
    \op s5, X(21)(sp)
    \op s6, X(22)(sp)
    \op s7, X(23)(sp)
    \op s8, X(24)(sp)
    \op s9, X(25)(sp)
    \op s10, X(26)(sp)
    \op s11, X(27)(sp)
.endm

.macro for_a2_to_a7 op
    \op a2, X(12)(sp)
    \op a3, X(13)(sp)
    \op a4, X(14)(sp)
    \op a5, X(15)(sp)
    \op a6, X(16)(sp)
    \op a7, X(17)(sp)
.endm

.macro for_ra_gp_tp op
    \op ra, X(1)(sp)
    \op gp, X(3)(sp)
    \op tp, X(4)(sp)
.endm

.macro for_t3_to_t6 op
    \op t3, X(28)(sp)
    \op t4, X(29)(sp)
    \op t5, X(30)(sp)
    \op t6, X(31)(sp)
.endm

    .section .text.vector, "ax"
    .global vector
    .balign 4
vector:
    csrrw sp, sscratch, sp
    sd t2, X(7)(sp)
    csrr t2, scause
    addi t2, t2, -8             // 8: a task's system call
    beqz t2, task_call
    for_ra_gp_tp sd
    sd t0, X(5)(sp)
    sd t1, X(6)(sp)
    for_t3_to_t6 sd
    for_each_callee_saved sd
    sd a0, X(10)(sp)
    sd a1, X(11)(sp)
    for_a2_to_a7 sd
    csrr t0, sscratch
    csrr t1, sepc
    sd t0, X(2)(sp)
    sd t1, X(0)(sp)
    addi t2, t2, -2             // 10: a guest kernel's hypercall
    beqz t2, hypercall

trap:
    csrr t0, sstatus
    csrr t1, hstatus
    sd t0, regs__sstatus(sp)
    sd t1, regs__hstatus(sp)
    mv a0, sp
    csrr a1, scause
    csrr a2, stval
    ld tp, context__cpu(sp)
    csrw sscratch, tp
    ld sp, cpu__stack_top(tp)
    call trap_handle

    // a0: the context to run, or 0. Nothing else is in any register.
    .global vector_leave
vector_leave:
    beqz a0, leave_idle
    lbu t0, context__kind(a0)
    bnez t0, leave_vcpu         // CONTEXT_TASK is 0
    ld t0, task__translation(a0)
    ld t6, task__arriving(a0)
    lbu t5, task__guest_right(a0)
    csrw satp, t0
    bnez t6, arrive
    bnez t5, leave_guest_right
leave:
    csrw sscratch, a0
    mv sp, a0
    ld t0, X(0)(sp)
    ld t1, regs__sstatus(sp)
    ld t2, regs__hstatus(sp)
    csrw sepc, t0
    csrw sstatus, t1
    csrw hstatus, t2
    ld a0, X(10)(sp)
    ld a1, X(11)(sp)
    ld t0, X(5)(sp)
    ld t1, X(6)(sp)
    ld t2, X(7)(sp)
leave_rest:
    for_t3_to_t6 ld
    for_ra_gp_tp ld
    for_each_callee_saved ld
    for_a2_to_a7 ld
    ld sp, X(2)(sp)
    sret

    // A record is handed over: a0 is the task, t6 the record's words, t5 its right to guest memory.
    // hstatus and sstatus are as the caller left them, be it a guest or a task.
arrive:
    ld t4, task__serving(a0)
    sd zero, task__arriving(a0)
    csrw sscratch, a0
    li t0, value__HSTATUS_SPV | value__HSTATUS_HU
    li t1, value__SSTATUS_SPP_FS
    csrc hstatus, t0
    csrc sstatus, t1
    bnez t5, arrive_guest_right
arrive_rest:
    ld t0, task__receive_pc(a0)
    ld sp, task__receive_sp(a0)
    ld tp, task__receive_tp(a0)
    csrw sepc, t0
    ld t0, record__info(t4)
    ld t1, record__pc(t4)
    ld t2, record__seq(t4)
    ld t3, record__badge(t4)
    ld a0, 0(t6)
    ld a1, 8(t6)
    ld a2, 16(t6)
    ld a3, 24(t6)
    ld a4, 32(t6)
    ld a5, 40(t6)
    ld a6, 48(t6)
    ld a7, 56(t6)
    li t4, 0
    li t5, 0
    li t6, 0
    j forget_rest
arrive_guest_right:
    // hstatus.SPVP still says in which mode the guest was that exited: its memory may be read. That
    // of a guest which others call about may not.
    lbu t5, record__owner(t4)
    li t0, value__HSTATUS_HU
    bnez t5, arrive_rest        // RECORD_VCPU is 0
    csrs hstatus, t0
    j arrive_rest

leave_vcpu:
    ld t0, context__cpu(a0)
    ld t1, cpu__ready(t0)
    beq t1, a0, leave
leave_load_guest:
    mv s0, a0                   // the C functions keep s0
    call trap_load_guest
    mv a0, s0
    j leave

leave_guest_right:
    mv s0, a0
    call trap_show_guest
    mv a0, s0
    j leave

leave_idle:
    mv a0, tp                   // the CPU
    call trap_idle
    j vector_leave

    // A hypercall, all registers saved; a0…a7 still are the guest's. Checks first.
hypercall:
    ld t3, vcpu__fast_portal(sp)
    beqz t3, trap               // no such route, or tracing
    ld t3, portal__waiting(t3)
    beqz t3, trap               // the server is busy, or there is none just now
    // The point of no return: t3 is the server, sp the vCPU.
    ld t4, context__cpu(sp)
    sd sp, cpu__fast(t4)        // forward_settle writes the record down, should it be needed
    ld t2, vcpu__record__seq(sp)
    addi t2, t2, 1
    sd t2, vcpu__record__seq(sp)
    csrw sscratch, t3
    ld t4, task__translation(t3)
    ld t5, task__receive_pc(t3)
    csrw satp, t4
    csrw sepc, t5
    li t4, value__HSTATUS_SPV
    li t5, value__SSTATUS_SPP_FS
    csrc hstatus, t4
    csrc sstatus, t5
    ld t0, vcpu__fast_info(sp)  // t1 is the pc, t2 the sequence number
    ld ra, vcpu__fast_badge(sp)
    ld sp, task__receive_sp(t3)
    ld tp, task__receive_tp(t3)
    mv t3, ra
    // Nothing of the guest's or the core's is left in the other registers.
    li t4, 0
    li t5, 0
    li t6, 0
forget_rest:
    li ra, 0
    li gp, 0
forget_saved:
    li s0, 0
    li s1, 0
    li s2, 0
    li s3, 0
    li s4, 0
    li s5, 0
    li s6, 0
    li s7, 0
    li s8, 0
    li s9, 0
    li s10, 0
    li s11, 0
    sret

    // The answer to anything else: only its words are needed, because a record arrives at a fixed
    // place.
reply:
    sd a0, X(10)(sp)
    sd a1, X(11)(sp)
    for_a2_to_a7 sd
    mv a0, sp
    mv a1, t1
    ld tp, context__cpu(sp)
    csrw sscratch, tp
    ld sp, cpu__stack_top(tp)
    la ra, vector_leave
    tail trap_reply

    // The answer to an exit by effects: what the words say stays in registers.
effects:
    sd a1, X(11)(sp)
    mv a7, a0                   // word[0]
    mv a0, sp
    mv a1, t1
    ld tp, context__cpu(sp)
    csrw sscratch, tp
    ld sp, cpu__stack_top(tp)
    call commit_effects
    ld t1, cpu__ready(tp)
    beq t1, a0, leave           // back to the guest, for which all is in place
    j vector_leave

    // A task's system call: t0 its number, t1 the selector; both and t2…t6 may be changed.
task_call:
    bnez t0, system_call        // SYSCALL_REPLY_WAIT is 0
    ld t2, context__cpu(sp)
    bnez t1, answer_deadline    // REPLY_HYPERCALL is 0
    ld t3, cpu__fast(t2)
    beqz t3, answer_call        // not the answer to a record that came this way
    // The point of no return: t3 is the vCPU; a0, a1 are its results.
answer:
    sd zero, cpu__fast(t2)
    csrw sscratch, t3
    mv sp, t3
    ld t0, X(0)(sp)
    li t1, value__HSTATUS_SPV
    li t2, value__SSTATUS_SPP_FS
    addi t0, t0, 4
    csrs hstatus, t1
    csrs sstatus, t2
    csrw sepc, t0
    ld t0, X(5)(sp)
    ld t1, X(6)(sp)
    ld t2, X(7)(sp)
    j leave_rest

    // REPLY_HYPERCALL_DEADLINE (1), when the host's timer need not be set for it.
answer_deadline:
    li t4, 1
    bne t1, t4, effects
    ld t3, cpu__fast(t2)
    ld t4, cpu__next_event(t2)
    beqz t3, reply
    bltu a2, t4, reply
    sd a2, vcpu__deadline(t3)
    li t4, value__HVIP_TIMER
    csrc hvip, t4
    j answer

system_call:
    addi t2, t0, -1             // 1: CALL, only its words and where it goes on
    beqz t2, call
    for_ra_gp_tp sd
    sd a0, X(10)(sp)
    sd a1, X(11)(sp)
    for_a2_to_a7 sd
    sd t1, X(6)(sp)
    csrr t2, sscratch
    csrr t3, sepc
    sd t2, X(2)(sp)
    addi t3, t3, 4
    sd t3, X(0)(sp)
    mv a0, sp
    mv a1, t0
    ld tp, context__cpu(sp)
    csrw sscratch, tp
    ld sp, cpu__stack_top(tp)
    call syscall_enter
called:
    beqz a0, leave_idle
    lbu t0, context__quick(a0)
    beqz t0, vector_leave
    // It returns at once: callee-saved registers, hstatus and sstatus are still its own.
    sb zero, context__quick(a0)
    csrw sscratch, a0
    mv sp, a0
    ld t0, X(0)(sp)
    csrw sepc, t0
    ld a0, X(10)(sp)
    ld a1, X(11)(sp)
    for_a2_to_a7 ld
    for_ra_gp_tp ld
    ld t0, X(5)(sp)
    li t1, 0
    li t2, 0
    li t3, 0
    li t4, 0
    li t5, 0
    li t6, 0
    ld sp, X(2)(sp)
    sret

    // CALL of portal t1 with words a0…a7: to a server that waits, it takes no detour. Behind a call
    // only sp, gp, tp and pc are what they were, so all other registers are free. Checks first.
call:
    ld s0, context__cpu(sp)
    lwu s2, task__cap_count(sp)
    ld s0, cpu__fast(s0)
    bgeu t1, s2, call_slow
    bnez s0, call_slow          // forward_settle is due
    .if sizeof__cap != 24 || sizeof__pool_page != 8
    .error "these shifts, and the one below, do not multiply by that"
    .endif
    slli s2, t1, 4
    slli s3, t1, 3
    add s2, s2, s3
    add s2, s2, sp              // the capability, CAP_… from here
    lbu s3, (task__cap + cap__type)(s2)
    lbu s4, (task__cap + cap__rights)(s2)
    li s5, value__OBJECT_PORTAL
    andi s4, s4, value__RIGHT_CALL
    bne s3, s5, call_slow
    beqz s4, call_slow
    lhu s3, (task__cap + cap__index)(s2)
    lwu s4, (task__cap + cap__generation)(s2)
    lla s5, pool
    ld s6, pool__page(s5)
    ld s5, pool__base(s5)
    slli s7, s3, 3
    add s6, s6, s7
    lwu s6, pool_page__generation(s6)
    slli s3, s3, 12
    add s5, s5, s3              // the portal, if it still lives
    bne s6, s4, call_slow
    ld s6, portal__waiting(s5)
    beqz s6, call_slow
    // The point of no return: s6 is the server, s5 the portal. What portal_hand_over does:
    addi s8, sp, task__call
    ld t3, (task__cap + cap__base)(s2)
    ld t2, record__seq(s8)
    li t0, value__EXIT_CALL
    addi t2, t2, 1
    sd a0, record__word + 0(s8)
    sd a1, record__word + 8(s8)
    sd a2, record__word + 16(s8)
    sd a3, record__word + 24(s8)
    sd a4, record__word + 32(s8)
    sd a5, record__word + 40(s8)
    sd a6, record__word + 48(s8)
    sd a7, record__word + 56(s8)
    sd t0, record__info(s8)
    sd t2, record__seq(s8)
    sd t3, record__badge(s8)
    sd s5, record__portal(s8)
    sd s6, record__server(s8)
    sd zero, portal__waiting(s5)
    sd s8, task__serving(s6)
    sd zero, task__exit(s6)
    li t4, value__TASK_READY
    li t5, value__TASK_CALLING
    sb t4, task__state(s6)
    sb t5, task__state(sp)
    csrr t4, sscratch
    csrr t5, sepc
    sd t4, X(2)(sp)
    addi t5, t5, 4
    sd t5, X(0)(sp)
    sd gp, X(3)(sp)
    sd tp, X(4)(sp)
    csrw sscratch, s6
    li t4, value__HSTATUS_HU
    li t5, value__SSTATUS_SPP_FS
    csrc hstatus, t4
    csrc sstatus, t5
    ld t4, task__translation(s6)
    ld t5, task__receive_pc(s6)
    csrw satp, t4
    csrw sepc, t5
    ld sp, task__receive_sp(s6)
    ld tp, task__receive_tp(s6)
    li t1, 0                    // no guest's pc
    li t4, 0
    li t5, 0
    li t6, 0
    j forget_rest

    // A reply that is no answer to a hypercall: to a call, it takes no detour either. Checks first.
answer_call:
    ld s0, task__serving(sp)
    beqz s0, reply
    lbu s1, record__owner(s0)
    ld s2, task__portal(sp)
    addi s1, s1, -value__RECORD_CALL
    addi s4, s0, -task__call    // the caller, if that is what it is
    bnez s1, reply
    beqz s2, reply
    ld s3, portal__head(s2)
    ld s6, portal__lost(s2)
    lbu s5, task__guest_right(s4)
    or s3, s3, s6               // somebody else waits for this server, or it is new
    bnez s3, reply
    bnez s5, reply              // the caller's own guest must be shown to it again
    // The point of no return: s4 is the caller, s2 the server's portal.
    sd zero, record__portal(s0)
    sd zero, record__server(s0)
    sd zero, task__serving(sp)
    sd sp, portal__waiting(s2)
    li t4, value__TASK_WAITING
    li t5, value__TASK_READY
    sb t4, task__state(sp)
    sb t5, task__state(s4)
    csrw sscratch, s4
    li t5, value__SSTATUS_SPP_FS
    csrc sstatus, t5
    ld t4, task__translation(s4)
    ld t5, X(0)(s4)
    csrw satp, t4
    csrw sepc, t5
    ld gp, X(3)(s4)
    ld tp, X(4)(s4)
    ld sp, X(2)(s4)
    li t1, 0
    li t2, 0
    li t3, 0
    li t4, 0
    li t5, 0
    li t6, 0
    li ra, 0
    j forget_saved              // t0 is 0: STATUS_OK

call_slow:
    for_ra_gp_tp sd
    sd a0, X(10)(sp)
    sd a1, X(11)(sp)
    for_a2_to_a7 sd
    csrr t2, sscratch
    csrr t3, sepc
    sd t2, X(2)(sp)
    addi t3, t3, 4
    sd t3, X(0)(sp)
    mv a0, sp
    mv a1, t1
    // Nothing of what the checks looked at may reach the caller, should it return at once.
    li s0, 0
    li s2, 0
    li s3, 0
    li s4, 0
    li s5, 0
    li s6, 0
    li s7, 0
    ld tp, context__cpu(sp)
    csrw sscratch, tp
    ld sp, cpu__stack_top(tp)
    call syscall_call
    j called
