// The system calls of the core, all of them. On riscv64: t0 the number, t1 and a0…a7 as said; the
// status comes back in t0, results in a0…a7; a call changes t0…t6 and a0…a7 and nothing else, but
// for CALL, behind which only sp, gp, tp and pc are what they were. On aarch64: x8 the number and
// then the status, x9 for t1, x0…x7 for a0…a7; a call changes x10…x17 as well; behind CALL only sp,
// x29, tpidr_el0 and pc are what they were. On x86_64: rax the number and then the status, rbx for
// t1, and rdi, rsi, rdx, r10, r8, r9, r12, r13 for a0…a7; SYSCALL, which makes the call, changes
// rcx and r11; behind CALL only rsp, rbp, FS.base and rip are what they were.
//
// Every call first checks all it was given, without effect, then does its work, which cannot fail.
#pragma once

#include <stdint.h>

// X(name, what it does)
//
// REPLY_WAIT  t1 = flags (ipc/message.h), a0…a7 = words. Answers the record being served, then
//             waits at the receive entry. With WAIT_ONLY in t1: waits; nothing is being served.
// CALL        t1 = portal slot (needs CALL), a0…a7 = words. Blocks until the reply, whose words
//             are a0…a7; BUSY where the caller itself receives. Lives through the death of the
//             server: the call is served by the next.
// SIGNAL      t1 = portal slot (needs CALL), a0 = enum signal_when. Never blocks; several before
//             the receiver looks are one, with their count.
// CREATE      t1 = enum object_type, a0 = pool slot, a1 = first page in the pool, a2 = pages,
//             a3 = slot for the new capability, a4… by type:
//               TASK   a4 = its space's slot
//               SPACE  a4 = 0 a task's, 1 a guest's
//               VCPU   a4 = its space's slot (a guest's), a5 = its number in the VM (0…63)
//               PORTAL a4 = ticks of the host after which its receiver counts as hung
//               IRQ    a4 = line of the interrupt controller that the boot bundle names
//             The space of one page in the pool is BUNDLE_PAGE bytes.
// DESTROY     t1 = slot (needs MANAGE) of a task, or of a space, which is BUSY while tasks are in
//             it. It ends and its pages are free again. Objects of other types stay: WRONG_TYPE.
// MAP         t1 = space slot (needs W), a0 = address, a1 = frame slot, a2 = offset in the frame,
//             a3 = bytes, a4 = rights. Uses the largest pages that fit. Back: a0 = bytes done,
//             which can be less: MAP goes at most SYSCALL_MAP_STEPS pages far at a time. EXISTS
//             also where a MAP of smaller pages that failed has left a table.
// GRANT       t1 = task slot (needs MANAGE), a0 = slot there, a1 = slot here (needs GRANT),
//             a2 = rights, a3 = frame: offset, portal: badge, a4 = frame: bytes.
// BIND        t1 = enum bind, a0, a1… as said there.
// TASK        t1 = task slot (needs MANAGE), a0 = enum task_op, a1… as said there.
// VCPU        t1 = vcpu slot (needs MANAGE; READ needs R), a0 = enum vcpu_op, a1… as said there.
// EXIT        a0 = status. The caller ends: its fault record says EXIT.
#define SYSCALL_LIST(X)                                                                            \
    X(REPLY_WAIT, "answer the record being served and wait for the next")                          \
    X(CALL, "call the task behind a portal and wait for its reply")                                \
    X(SIGNAL, "tell the task behind a portal to look, without waiting")                            \
    X(CREATE, "make an object from object memory")                                                 \
    X(DESTROY, "end a task or a space")                                                            \
    X(MAP, "add pages of a frame to a space")                                                      \
    X(GRANT, "give a copy of a capability, with fewer rights, to a task")                          \
    X(BIND, "say who receives what")                                                               \
    X(TASK, "start, stop or inspect a task")                                                       \
    X(VCPU, "start, stop, set up or inspect a vCPU")                                               \
    X(EXIT, "end the calling task")

#define SYSCALL_ENUM(name, text) SYSCALL_##name,
enum syscall { SYSCALL_LIST(SYSCALL_ENUM) SYSCALL_COUNT };
#undef SYSCALL_ENUM

#define WAIT_ONLY 0x40000000u // flags of REPLY_WAIT: there is nothing to answer
#define SYSCALL_MAP_STEPS 512 // pages, of whatever size, that one MAP touches at most
#define SYSCALL_VCPUS_MAX 64  // vCPUs of one VM

enum signal_when {
    SIGNAL_NOW,
    SIGNAL_LATER, // not before the CPU's next tick; several until then are one. For one portal at a
                  // time: while one waits for the tick, a signal to another is one for now
};

enum bind {
    BIND_PORTAL, // a0 = portal (MANAGE), a1 = task (MANAGE): it receives there from now on. While
                 // the task bound before serves a record, that waits for its answer; should it die
                 // over it, the binding does not come about, and nobody is bound. Back: a0 = as a4
                 // of TASK_READ, of the one before
    BIND_ROUTE,  // a0 = vcpu (MANAGE), a1 = enum exit_class (a guest's), a2 = portal (CALL),
                 // a3 = badge, a4 = may: enum reply_flag, a5 = mask of general registers that a
                 // reply may write, a6 = mask of those that READ shows
    BIND_FAULT,  // a0 = task (MANAGE), a1 = portal (CALL), a2 = badge: where its death is told
    BIND_IRQ,    // a0 = irq (MANAGE), a1 = portal (CALL), a2 = badge
};

enum task_op {
    TASK_START,   // a1 = pc, a2 = sp, a3 = tp, a4 = argument; begins there; see TASK_RECEIVE
    TASK_STOP,    // as if it had faulted: FAULT_STOPPED, status a1
    TASK_RECEIVE, // the caller's own slot is not needed (t1 = 0): a1 = receive entry, a2 = its sp,
                  // a3 = tp there; a4, a5 = the range of code whose faulting loads go on at a6
    TASK_READ,    // back: a0 = enum task_state, a1 = pc, a2 = seq of the record being served,
                  // a3 = its receive entry; 0: it has not come as far as to name one;
                  // a4 = instructions from the death, or the unbinding, of its portal's last
                  // receiver to the first record that was answered after it; 0: none was so far;
                  // a5 = the register that functions return their value in (riscv64: a0, x86_64:
                  // rax), as a1 of when it last ran
    TASK_GUEST,   // a1 = 1: may read guest memory by the architecture's instructions for it. Once
                  // it has started, that is not taken back: BUSY
    TASK_FETCH,   // the caller's own slot is not needed: the guest whose exit it serves fetches at
                  // the guest-virtual address a1. Back: a0 = the instruction; NOT_FOUND: it can't.
                  // Needs TASK_GUEST; UNSUPPORTED where there are instructions for it
};

enum task_state { TASK_NEW, TASK_READY, TASK_WAITING, TASK_CALLING, TASK_DEAD };

enum vcpu_op {
    VCPU_START,    // a1 = pc, a2, a3 = the two arguments (riscv64: a0, a1), from reset state
    VCPU_STOP,     // it is not entered again
    VCPU_READ,     // a1 = number of a general register (needs R, and the read mask); back: a0
    VCPU_COUNTERS, // needs R. Back: a0…a7 = exits by class
    VCPU_TIMES,    // needs R. Back: a0…a7 = instructions by class while tracing was on
    VCPU_TRACE,    // a1 = 1: on, 0: off
    VCPU_FEATURES, // a1 = enum vcpu_feature bits
    VCPU_STATE,    // needs R. Back: a0 = enum vcpu_state, a1 = pc, a2 = exits so far
    VCPU_LOOK,     // a1 = virtual interrupt (needs R). Back: a0 = enum vcpu_look bits: what the
               // guest's CPU has of it, until it runs again. UNSUPPORTED where interrupts have no
               // such state
    VCPU_INTERRUPT, // a1 = enum vcpu_interrupt (needs W), a2 = virtual interrupt, with its priority
                    // and INTERRUPT_NOTIFY (arch/interrupt.h), a3 = a number. Done only if that is
                    // larger than the last one's for this vCPU, so that whoever comes after a
                    // server that died can repeat what may have been done. UNSUPPORTED where
                    // replies alone raise interrupts
};

enum vcpu_state { VCPU_OFF, VCPU_RUNNABLE, VCPU_EXITED, VCPU_PARKED };

enum vcpu_interrupt {
    VCPU_INTERRUPT_RAISE,      // it is pending; it may be so already
    VCPU_INTERRUPT_TAKE_BACK,  // it is not pending any more; it stays active if it is
    VCPU_INTERRUPT_DEACTIVATE, // it is not active any more; it stays pending if it is
    VCPU_INTERRUPT_TIMER, // how INTERRUPT_TIMER is raised from now on, through resets; 0: it is
                          // not, and the guest's timer is quiet. It is level-sensitive: one that
                          // has expired exits again when its interrupt is raised again
};

enum vcpu_look { VCPU_LOOK_PENDING = 1 << 0, VCPU_LOOK_ACTIVE = 1 << 1 };

enum vcpu_feature {
    VCPU_FEATURE_TIMER = 1 << 0,    // the guest gets the hardware's virtual timer (riscv64: Sstc)
    VCPU_FEATURE_COUNTERS = 1 << 1, // the guest may read the cycle and instruction counters
};
