// What travels between the core and a server: a record one way, a reply the other.
//
// A server receives at a fixed place, its receive entry (TASK_RECEIVE in ipc/syscall.h): the record
// arrives in registers there, and the one way out is SYSCALL_REPLY_WAIT, which answers the record
// and waits for the next. On riscv64 a record is
//
//     a0…a7  word[0…7]     t0  info     t1  pc     t2  seq     t3  badge
//
// and a reply is t0 = SYSCALL_REPLY_WAIT, t1 = flags, a0…a7 = word[0…7]. On aarch64 a record is
//
//     x0…x7  word[0…7]     x8  info     x9  pc     x10  seq     x11  badge
//
// and a reply is x8 = SYSCALL_REPLY_WAIT, x9 = flags, and the words. On x86_64 a record is
//
//     rdi, rsi, rdx, r10, r8, r9, r12, r13  word[0…7]     rax  info     rbx  pc     r14  seq
//     r15  badge
//
// and a reply is rax = SYSCALL_REPLY_WAIT, rbx = flags, and the words. All other registers hold
// nothing from anyone else.
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/interrupt.h"
#include "ipc/exit.h"

#define MESSAGE_WORDS 8

struct message {
    uint64_t word[MESSAGE_WORDS];
    uint64_t info;  // see MESSAGE_*
    uint64_t pc;    // the guest's program counter at the exit; 0 for other records
    uint64_t seq;   // grows by one with each exit of that vCPU; the same when served again
    uint64_t badge; // who: as said when the route or the capability was made
};

static_assert(sizeof(struct message) == 96, "the library and the core see one layout");

// The parts of message.info. The mode of a TIMER is no CPU's (ipc/exit.h).
#define MESSAGE_CLASS(info) ((enum exit_class)((info) & 0xff))
#define MESSAGE_VCPU(info) ((uint32_t)((info) >> 8 & 0xff))  // number of the vCPU in its VM
#define MESSAGE_MODE(info) ((uint32_t)((info) >> 16 & 0xff)) // 1: the guest's kernel, 0: its user
#define MESSAGE_ATTEMPT(info) ((uint32_t)((info) >> 24 & 0xff)) // how many servers died on it
#define MESSAGE_ONE_ATTEMPT (1ull << 24)
#define MESSAGE_INFO(class, vcpu, mode)                                                            \
    ((uint64_t)(class) | (uint64_t)(vcpu) << 8 | (uint64_t)(mode) << 16)

// What a reply to a guest's exit does: flags, and the words each of them reads. The reply is
// committed as a whole or refused as a whole (EXIT_REFUSED follows, the record is held still).
// Every effect needs the same bit in the route's `may` (BIND_ROUTE).
//
// X(name, bit, meaning)
#define REPLY_LIST(X)                                                                              \
    X(RESULT, 0, "write word[0], word[1] to the result registers of a call (see REPLY_RESULT)")    \
    X(ADVANCE, 1, "go on behind the instruction; word[6]: its length, 0 or RESULT: the usual")     \
    X(DEADLINE, 2, "arm the vCPU's deadline with word[2]; take its timer interrupt back")          \
    X(WRITE, 3, "write word[0] to the general register named by bits 32…39 of the flags")          \
    X(RAISE, 4, "raise interrupt bits 40…47 in the vCPUs of mask word[4]; 0: the one that exited") \
    X(CLEAR, 5, "take interrupt bits 40…47 back in the vCPU that exited")                          \
    X(MAP, 6, "map word[3] (see REPLY_MAPPING) at guest-physical word[2], offset word[5]")         \
    X(PARK, 7,                                                                                     \
      "do not enter before an interrupt is pending; a deadline that passes makes a TIMER")         \
    X(STOP, 8, "do not enter again until TASK/VCPU start")                                         \
    X(START, 9, "start vCPU number word[2] at pc word[3] with argument word[4]")                   \
    X(FENCE, 10,                                                                                   \
      "make the vCPUs of mask word[4] forget cached translations of their own stage; "             \
      "with RAISE the mask is that of both, and START excludes both")                              \
    X(INJECT, 11, "raise the exception word[0] with value word[1] in the guest")                   \
    X(WRITE_SECOND, 12, "write word[1] to the one named by bits 48…55, behind what WRITE writes")

#define REPLY_ENUM(name, bit, text) REPLY_##name = 1 << (bit),
enum reply_flag { REPLY_LIST(REPLY_ENUM) };
#undef REPLY_ENUM

// REPLY_RESULT is for a hypercall's two registers (x86_64: RAX, RDX). On x86_64 it also answers the
// instructions of SYSREG that give more than one: CPUID, by EAX and EBX in word[0], ECX and EDX in
// word[1], the first of each in the lower half; all others, of which RDMSR is one, by the 64-bit
// value in word[0].

#define REPLY_REGISTER(number) ((uint64_t)(number) << 32)
#define REPLY_INTERRUPT(number) ((uint64_t)(number) << 40)
#define REPLY_SECOND(number) ((uint64_t)(number) << 48)
#define REPLY_REGISTER_OF(flags) ((uint32_t)((flags) >> 32 & 0xff))
#define REPLY_INTERRUPT_OF(flags) ((uint32_t)((flags) >> 40 & 0xff))
#define REPLY_SECOND_OF(flags) ((uint32_t)((flags) >> 48 & 0xff))

// The answer to a hypercall that does nothing else. Zero on purpose: the shortest test there is.
#define REPLY_HYPERCALL 0u
// The same, and the deadline word[2] is armed.
#define REPLY_HYPERCALL_DEADLINE 1u
// All other replies to exits are made of enum reply_flag, under this mark.
#define REPLY_FLAGS 0x80000000u

// word[3] of REPLY_MAP: which frame (a slot of the server's own table), how much, which rights.
// The size is one page of that many address bits: 12, 21 or 30.
#define REPLY_MAPPING(slot, bits, rights)                                                          \
    ((uint64_t)(slot) | (uint64_t)(bits) << 16 | (uint64_t)(rights) << 24)
#define REPLY_MAPPING_SLOT(word) ((uint32_t)((word) & 0xffff))
#define REPLY_MAPPING_BITS(word) ((uint32_t)((word) >> 16 & 0xff))
#define REPLY_MAPPING_RIGHTS(word) ((uint32_t)((word) >> 24 & 0xff))

// Virtual interrupts have the architecture's numbers: enum interrupt, arch/interrupt.h.

// A deadline that never comes.
#define DEADLINE_NEVER UINT64_MAX
