// The trap vector, and the shortest way of a hypercall through the core and back.
//
// sscratch always points to the context that runs: its registers are saved there. While the core
// runs, sscratch points to the CPU's own context, where only a bug in the core would save any.
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
    sd t0, REGS_SSTATUS(sp)
    sd t1, REGS_HSTATUS(sp)
    mv a0, sp
    csrr a1, scause
    csrr a2, stval
    ld tp, CONTEXT_CPU(sp)
    csrw sscratch, tp
    ld sp, CPU_STACK_TOP(tp)
    call trap_handle

    // a0: the context to run, or 0. Nothing else is in any register.
    .global vector_leave
vector_leave:
    beqz a0, leave_idle
    lbu t0, CONTEXT_KIND(a0)
    bnez t0, leave_vcpu
    ld t0, TASK_TRANSLATION(a0)
    ld t6, TASK_ARRIVING(a0)
    lbu t5, TASK_GUEST_RIGHT(a0)
    csrw satp, t0
    bnez t6, arrive
    bnez t5, leave_guest_right
leave:
    csrw sscratch, a0
    mv sp, a0
    ld t0, X(0)(sp)
    ld t1, REGS_SSTATUS(sp)
    ld t2, REGS_HSTATUS(sp)
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
    ld t4, TASK_SERVING(a0)
    sd zero, TASK_ARRIVING(a0)
    csrw sscratch, a0
    li t0, HSTATUS_SPV_BIT | HSTATUS_HU_BIT
    li t1, SSTATUS_SPP_FS_BITS
    csrc hstatus, t0
    csrc sstatus, t1
    bnez t5, arrive_guest_right
arrive_rest:
    ld t0, TASK_RECEIVE_PC(a0)
    ld sp, TASK_RECEIVE_SP(a0)
    ld tp, TASK_RECEIVE_TP(a0)
    csrw sepc, t0
    ld t0, RECORD_INFO(t4)
    ld t1, RECORD_PC(t4)
    ld t2, RECORD_SEQ(t4)
    ld t3, RECORD_BADGE(t4)
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
    lbu t5, RECORD_OWNER(t4)
    li t0, HSTATUS_HU_BIT
    bnez t5, arrive_rest
    csrs hstatus, t0
    j arrive_rest

leave_vcpu:
    ld t0, CONTEXT_CPU(a0)
    ld t1, CPU_READY(t0)
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
    ld t3, VCPU_FAST_PORTAL(sp)
    beqz t3, trap               // no such route, or tracing
    ld t3, PORTAL_WAITING(t3)
    beqz t3, trap               // the server is busy, or there is none just now
    // The point of no return: t3 is the server, sp the vCPU.
    ld t4, CONTEXT_CPU(sp)
    sd sp, CPU_FAST(t4)         // forward_settle writes the record down, should it be needed
    ld t2, VCPU_SEQ(sp)
    addi t2, t2, 1
    sd t2, VCPU_SEQ(sp)
    csrw sscratch, t3
    ld t4, TASK_TRANSLATION(t3)
    ld t5, TASK_RECEIVE_PC(t3)
    csrw satp, t4
    csrw sepc, t5
    li t4, HSTATUS_SPV_BIT
    li t5, SSTATUS_SPP_FS_BITS
    csrc hstatus, t4
    csrc sstatus, t5
    ld t0, VCPU_FAST_INFO(sp)   // t1 is the pc, t2 the sequence number
    ld ra, VCPU_FAST_BADGE(sp)
    ld sp, TASK_RECEIVE_SP(t3)
    ld tp, TASK_RECEIVE_TP(t3)
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
    ld tp, CONTEXT_CPU(sp)
    csrw sscratch, tp
    ld sp, CPU_STACK_TOP(tp)
    la ra, vector_leave
    tail trap_reply

    // The answer to an exit by effects: what the words say stays in registers.
effects:
    sd a1, X(11)(sp)
    mv a7, a0                   // word[0]
    mv a0, sp
    mv a1, t1
    ld tp, CONTEXT_CPU(sp)
    csrw sscratch, tp
    ld sp, CPU_STACK_TOP(tp)
    call commit_effects
    ld t1, CPU_READY(tp)
    beq t1, a0, leave           // back to the guest, for which all is in place
    j vector_leave

    // A task's system call: t0 its number, t1 the selector; both and t2…t6 may be changed.
task_call:
    bnez t0, system_call
    ld t2, CONTEXT_CPU(sp)
    bnez t1, answer_deadline
    ld t3, CPU_FAST(t2)
    beqz t3, answer_call        // not the answer to a record that came this way
    // The point of no return: t3 is the vCPU; a0, a1 are its results.
answer:
    sd zero, CPU_FAST(t2)
    csrw sscratch, t3
    mv sp, t3
    ld t0, X(0)(sp)
    li t1, HSTATUS_SPV_BIT
    li t2, SSTATUS_SPP_FS_BITS
    addi t0, t0, 4
    csrs hstatus, t1
    csrs sstatus, t2
    csrw sepc, t0
    ld t0, X(5)(sp)
    ld t1, X(6)(sp)
    ld t2, X(7)(sp)
    j leave_rest

    // REPLY_HYPERCALL_DEADLINE, when the host's timer need not be set for it.
answer_deadline:
    li t4, 1
    bne t1, t4, effects
    ld t3, CPU_FAST(t2)
    ld t4, CPU_NEXT_EVENT(t2)
    beqz t3, reply
    bltu a2, t4, reply
    sd a2, VCPU_DEADLINE(t3)
    li t4, HVIP_TIMER_BIT
    csrc hvip, t4
    j answer

system_call:
    addi t2, t0, -1             // CALL: only its words and where it goes on
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
    ld tp, CONTEXT_CPU(sp)
    csrw sscratch, tp
    ld sp, CPU_STACK_TOP(tp)
    call syscall_enter
called:
    beqz a0, leave_idle
    lbu t0, CONTEXT_QUICK(a0)
    beqz t0, vector_leave
    // It returns at once: callee-saved registers, hstatus and sstatus are still its own.
    sb zero, CONTEXT_QUICK(a0)
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
    ld s0, CONTEXT_CPU(sp)
    lwu s2, TASK_CAP_COUNT(sp)
    ld s0, CPU_FAST(s0)
    bgeu t1, s2, call_slow
    bnez s0, call_slow          // forward_settle is due
    slli s2, t1, 4
    slli s3, t1, 3
    add s2, s2, s3
    add s2, s2, sp              // the capability, CAP_… from here
    lbu s3, CAP_TYPE(s2)
    lbu s4, CAP_RIGHTS(s2)
    li s5, CAP_TYPE_PORTAL
    andi s4, s4, CAP_RIGHT_CALL
    bne s3, s5, call_slow
    beqz s4, call_slow
    lhu s3, CAP_INDEX(s2)
    lwu s4, CAP_GENERATION(s2)
    lla s5, pool
    ld s6, POOL_PAGE(s5)
    ld s5, POOL_BASE(s5)
    slli s7, s3, 3
    add s6, s6, s7
    lwu s6, POOL_GENERATION(s6)
    slli s3, s3, 12
    add s5, s5, s3              // the portal, if it still lives
    bne s6, s4, call_slow
    ld s6, PORTAL_WAITING(s5)
    beqz s6, call_slow
    // The point of no return: s6 is the server, s5 the portal. What portal_hand_over does:
    addi s8, sp, TASK_CALL
    ld t3, CAP_BASE(s2)
    ld t2, RECORD_SEQ(s8)
    li t0, EXIT_CLASS_CALL
    addi t2, t2, 1
    sd a0, RECORD_WORD + 0(s8)
    sd a1, RECORD_WORD + 8(s8)
    sd a2, RECORD_WORD + 16(s8)
    sd a3, RECORD_WORD + 24(s8)
    sd a4, RECORD_WORD + 32(s8)
    sd a5, RECORD_WORD + 40(s8)
    sd a6, RECORD_WORD + 48(s8)
    sd a7, RECORD_WORD + 56(s8)
    sd t0, RECORD_INFO(s8)
    sd t2, RECORD_SEQ(s8)
    sd t3, RECORD_BADGE(s8)
    sd s5, RECORD_PORTAL(s8)
    sd s6, RECORD_SERVER(s8)
    sd zero, PORTAL_WAITING(s5)
    sd s8, TASK_SERVING(s6)
    sd zero, TASK_EXIT(s6)
    li t4, TASK_STATE_READY
    li t5, TASK_STATE_CALLING
    sb t4, TASK_STATE(s6)
    sb t5, TASK_STATE(sp)
    csrr t4, sscratch
    csrr t5, sepc
    sd t4, X(2)(sp)
    addi t5, t5, 4
    sd t5, X(0)(sp)
    sd gp, X(3)(sp)
    sd tp, X(4)(sp)
    csrw sscratch, s6
    li t4, HSTATUS_HU_BIT
    li t5, SSTATUS_SPP_FS_BITS
    csrc hstatus, t4
    csrc sstatus, t5
    ld t4, TASK_TRANSLATION(s6)
    ld t5, TASK_RECEIVE_PC(s6)
    csrw satp, t4
    csrw sepc, t5
    ld sp, TASK_RECEIVE_SP(s6)
    ld tp, TASK_RECEIVE_TP(s6)
    li t1, 0                    // no guest's pc
    li t4, 0
    li t5, 0
    li t6, 0
    j forget_rest

    // A reply that is no answer to a hypercall: to a call, it takes no detour either. Checks first.
answer_call:
    ld s0, TASK_SERVING(sp)
    beqz s0, reply
    lbu s1, RECORD_OWNER(s0)
    ld s2, TASK_PORTAL(sp)
    addi s1, s1, -RECORD_OWNER_CALL
    addi s4, s0, -TASK_CALL     // the caller, if that is what it is
    bnez s1, reply
    beqz s2, reply
    ld s3, PORTAL_HEAD(s2)
    ld s6, PORTAL_LOST(s2)
    lbu s5, TASK_GUEST_RIGHT(s4)
    or s3, s3, s6               // somebody else waits for this server, or it is new
    bnez s3, reply
    bnez s5, reply              // the caller's own guest must be shown to it again
    // The point of no return: s4 is the caller, s2 the server's portal.
    sd zero, RECORD_PORTAL(s0)
    sd zero, RECORD_SERVER(s0)
    sd zero, TASK_SERVING(sp)
    sd sp, PORTAL_WAITING(s2)
    li t4, TASK_STATE_WAITING
    li t5, TASK_STATE_READY
    sb t4, TASK_STATE(sp)
    sb t5, TASK_STATE(s4)
    csrw sscratch, s4
    li t5, SSTATUS_SPP_FS_BITS
    csrc sstatus, t5
    ld t4, TASK_TRANSLATION(s4)
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
    ld tp, CONTEXT_CPU(sp)
    csrw sscratch, tp
    ld sp, CPU_STACK_TOP(tp)
    call syscall_call
    j called
