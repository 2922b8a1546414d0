// Where a server begins, and where its records arrive.
#include "libs/rt/layout.h"

    .section .text.start, "ax"
    .global _start
_start:
    adrp x9, rt_record          // the head of a record stands above the stack
    add x9, x9, :lo12:rt_record
    mov sp, x9
    bl rt_start                 // x0…x7 as init, or the core, gave them
    udf #0

    // A record: x0…x7 its words, x8 info, x9 pc, x10 seq, x11 badge (ipc/message.h). sp is rt_record.
    .global rt_receive
rt_receive:
    stp x8, x9, [sp, #0]
    stp x10, x11, [sp, #16]
dispatch:
    tst w8, #0xff
    b.ne rt_exit
    b rt_hypercall              // class HYPERCALL is 0

    // The same for the first record, whatever it is: it goes the long way, to begin in rt.c.
    .global rt_receive_first
rt_receive_first:
    stp x8, x9, [sp, #0]
    stp x10, x11, [sp, #16]
    b rt_handle_rest

    // Behind what begin did, that record goes the way of all others: a server need not know the
    // long way of what it answers quickly. It lies where rt_handle_rest put it.
    .global rt_receive_again
rt_receive_again:
    adrp x12, rt_record
    add x12, x12, :lo12:rt_record
    mov sp, x12
    ldp x0, x1, [sp, #-64]
    ldp x2, x3, [sp, #-48]
    ldp x4, x5, [sp, #-32]
    ldp x6, x7, [sp, #-16]
    ldp x8, x9, [sp, #0]
    ldp x10, x11, [sp, #16]
    b dispatch

    // A server without these of its own.
    .weak rt_exit, rt_hypercall
rt_exit:
rt_hypercall:
    // The long way: the record goes to the handler as a struct message, and the struct reply that
    // it fills is the answer.
    .global rt_handle_rest
rt_handle_rest:
    adrp x12, rt_record - 64    // struct message: the words, then the head that rt_receive stored
    add x12, x12, :lo12:(rt_record - 64)
    mov sp, x12
    stp x0, x1, [sp, #0]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    mov x1, sp
    sub sp, sp, #RT_REPLY_SIZE
    stp xzr, xzr, [sp, #0]
    stp xzr, xzr, [sp, #16]
    stp xzr, xzr, [sp, #32]
    stp xzr, xzr, [sp, #48]
    str xzr, [sp, #64]
    adrp x9, rt_handling
    add x9, x9, :lo12:rt_handling
    ldp x9, x0, [x9]
    mov x2, sp
    blr x9
    ldp x9, x0, [sp, #0]
    ldp x1, x2, [sp, #16]
    ldp x3, x4, [sp, #32]
    ldp x5, x6, [sp, #48]
    ldr x7, [sp, #64]
    mov x8, xzr                 // SYSCALL_REPLY_WAIT: the next record arrives at rt_receive
    svc #0
    udf #0

    // uint64_t rt_guest_fetch(uint64_t pc): the core walks the guest's tables. There is nothing that
    // could fault here, and so no place to go on at.
    .section .text
    .global rt_guest_fetch, rt_fetch_begin, rt_fetch_end, rt_fetch_failed
rt_guest_fetch:
    mov x1, x0
    mov x0, #RT_TASK_FETCH
    mov x8, #RT_SYSCALL_TASK
    mov x9, xzr
    svc #0
    cbz x8, 1f
    mov x0, #-1                 // RT_NO_INSTRUCTION
1:  ret
rt_fetch_begin:
rt_fetch_end:
rt_fetch_failed:
    udf #0

    .section .stack, "aw", @nobits
    .balign 4096
    .space RT_STACK_SIZE - 64
    .global rt_record
rt_record:
    .space 64
