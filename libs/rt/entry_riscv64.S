// Where a server begins, where its records arrive, and how it reads guest memory.
#include "libs/rt/layout.h"

    .section .text.start, "ax"
    .global _start
_start:
    lla sp, rt_record           // the head of a record stands above the stack
    call rt_start               // a0…a7 as init, or the core, gave them
    unimp

    // A record: a0…a7 its words, t0 info, t1 pc, t2 seq, t3 badge (ipc/message.h). sp is rt_record.
    .global rt_receive
rt_receive:
    sd t0, 0(sp)
    sd t1, 8(sp)
    sd t2, 16(sp)
    sd t3, 24(sp)
dispatch:
    andi t0, t0, 0xff
    beqz t0, 1f                 // class HYPERCALL is 0
    j rt_exit
1:  j rt_hypercall

    // The same for the first record, whatever it is: it goes the long way, to begin in rt.c.
    .global rt_receive_first
rt_receive_first:
    sd t0, 0(sp)
    sd t1, 8(sp)
    sd t2, 16(sp)
    sd t3, 24(sp)
    j rt_handle_rest

    // Behind what begin did, that record goes the way of all others: a server need not know the
    // long way of what it answers quickly. It lies where rt_handle_rest put it.
    .global rt_receive_again
rt_receive_again:
    lla sp, rt_record
    ld a0, -64(sp)
    ld a1, -56(sp)
    ld a2, -48(sp)
    ld a3, -40(sp)
    ld a4, -32(sp)
    ld a5, -24(sp)
    ld a6, -16(sp)
    ld a7, -8(sp)
    ld t0, 0(sp)
    ld t1, 8(sp)
    ld t2, 16(sp)
    ld t3, 24(sp)
    j dispatch

    // A server without these of its own.
    .weak rt_exit, rt_hypercall
rt_exit:
rt_hypercall:
    // The long way: the record goes to the handler as a struct message, and the struct reply that
    // it fills is the answer.
    .global rt_handle_rest
rt_handle_rest:
    lla sp, rt_record - 64      // struct message: the words, then the head that rt_receive stored
    sd a0, 0(sp)
    sd a1, 8(sp)
    sd a2, 16(sp)
    sd a3, 24(sp)
    sd a4, 32(sp)
    sd a5, 40(sp)
    sd a6, 48(sp)
    sd a7, 56(sp)
    mv a1, sp
    addi sp, sp, -RT_REPLY_SIZE
    sd zero, 0(sp)
    sd zero, 8(sp)
    sd zero, 16(sp)
    sd zero, 24(sp)
    sd zero, 32(sp)
    sd zero, 40(sp)
    sd zero, 48(sp)
    sd zero, 56(sp)
    sd zero, 64(sp)
    lla t1, rt_handling
    ld a0, 8(t1)
    ld t1, 0(t1)
    mv a2, sp
    jalr t1
    ld t1, 0(sp)
    ld a0, 8(sp)
    ld a1, 16(sp)
    ld a2, 24(sp)
    ld a3, 32(sp)
    ld a4, 40(sp)
    ld a5, 48(sp)
    ld a6, 56(sp)
    ld a7, 64(sp)
    li t0, 0                    // SYSCALL_REPLY_WAIT: the next record arrives at rt_receive
    ecall
    unimp

    // uint64_t rt_guest_fetch(uint64_t pc): hypervisor load as the guest would fetch (privileged
    // architecture 1.12, §8.2.4). What faults between begin and end goes on at the third label: the
    // core was told so (TASK_RECEIVE).
    .section .text
    .attribute arch, "rv64imafdc_h_zicsr_zifencei"
    .global rt_guest_fetch, rt_fetch_begin, rt_fetch_end, rt_fetch_failed
rt_guest_fetch:
    andi t0, a0, 3
rt_fetch_begin:
    bnez t0, 1f
    hlvx.wu a0, (a0)            // an aligned word lies in one page
    ret
1:  hlvx.hu t1, (a0)
    andi t0, t1, 3
    addi t0, t0, -3
    bnez t0, 2f                 // compressed: that is all of it
    addi a0, a0, 2
    hlvx.hu t0, (a0)
    slli t0, t0, 16
    or t1, t1, t0
2:  mv a0, t1
    ret
rt_fetch_end:
rt_fetch_failed:
    li a0, -1                   // RT_NO_INSTRUCTION
    ret

    .section .stack, "aw", @nobits
    .balign 4096
    .space RT_STACK_SIZE - 64
    .global rt_record
rt_record:
    .space 64
