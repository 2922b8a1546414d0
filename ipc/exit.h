// What a server receives: the exit of a guest, the call of a task, a signal, an interrupt, a
// fault. One list for all, one record (struct message, ipc/message.h) for all.
#pragma once

#include <stdint.h>

// Classes of records. The first EXIT_GUEST_CLASSES are exits of a guest; the words they carry:
//
// HYPERCALL  the guest's argument registers as they are (riscv64: a0…a7; SBI 2.0 §3; x86_64: RAX,
//            RSI, RDX, R10, R8, R9, R12, R13)
// STAGE2     word[0] guest-physical address; [1] enum access; [2] guest-virtual address;
//            [3] the instruction as the hardware gave it, 0 when it must be fetched at pc; aarch64:
//            the syndrome, ESR_EL2, where that describes the access (ISV)
//            x86_64: [2] how code is read at pc, for no hardware says the address: the code
//            segment's base, from bit 32 on its attributes as in a VMCB (APM volume 2, 4.7.2)
// TIMER      word[0] the deadline that passed, in ticks of the host's counter; [1] now; the mode is
//            1 where the vCPU is parked, which it is no more unless the answer parks it again
// IDLE       the guest waits for an interrupt (WFI, HLT); word[0] now; [1] interrupts pending;
//            [2] but for x86_64: the instruction's length, as REPLY_ADVANCE takes it
// SYSREG     word[0] the trapping instruction, where the hardware gives it. aarch64: word[0] the
//            syndrome (ISS of class 0x18); [1] the value written or, of an identification register
//            (op0 3, op1 0, CRn 0) that is read, what it says on this CPU, else 0. x86_64: word[0]
//            the code of the intercept (APM volume 2, appendix C), and bit 32 for WRMSR; [1] ECX;
//            [2] EDX:EAX
// IO         a port access (x86_64): word[0] as the hardware describes it (EXITINFO1; APM volume 2,
//            15.10.2), [1] RAX, [2] the instruction's length
// WINDOW     the guest's CPU has room for interrupts again. aarch64: it has ended some whose end
//            was to be reported, by INTID: word[0] is the mask of 0 to 63, word[1] of 64 to 127.
//            x86_64: it would take one now, which was asked for (INTERRUPT_WINDOW)
// SHUTDOWN   the guest can't go on; word[0] the architecture's cause, [1], [2] its details
//
// X(name, what it is)
#define EXIT_LIST(X)                                                                               \
    X(HYPERCALL, "the guest calls its firmware")                                                   \
    X(STAGE2, "a guest-physical address has no mapping that allows the access")                    \
    X(TIMER, "the vCPU's armed deadline has passed")                                               \
    X(IDLE, "the guest waits for an interrupt")                                                    \
    X(SYSREG, "a trapped system register or privileged instruction")                               \
    X(IO, "a port access")                                                                         \
    X(WINDOW, "there is room for interrupts again")                                                \
    X(SHUTDOWN, "the guest cannot go on")                                                          \
    X(CALL, "a task calls; the words are its own")                                                 \
    X(SIGNAL, "somebody signalled the portal; word[0] how often since last time")                  \
    X(IRQ, "a physical interrupt; the reply lets the line fire again")                             \
    X(FAULT, "a task died; the words are by enum fault_word, ipc/fault.h")                         \
    X(REFUSED, "the reply before was refused; word[0] is the status; the record is still held")

#define EXIT_ENUM(name, text) EXIT_##name,
enum exit_class { EXIT_LIST(EXIT_ENUM) EXIT_COUNT };
#undef EXIT_ENUM

#define EXIT_GUEST_CLASSES (EXIT_SHUTDOWN + 1)

static inline const char *exit_class_name(enum exit_class c) {
#define EXIT_NAME(name, text) #name,
    static const char *const names[] = {EXIT_LIST(EXIT_NAME)};
#undef EXIT_NAME
    return (uint32_t)c < EXIT_COUNT ? names[c] : "?";
}

// How a STAGE2 exit touched memory. The low two bits say what; the flag says who.
enum access {
    ACCESS_READ = 0,
    ACCESS_WRITE = 1,
    ACCESS_EXECUTE = 2,
    ACCESS_KIND = 3,
    // The guest's own page-table walk did it: the address is that of a guest page table, and no
    // instruction is to be emulated.
    ACCESS_WALK = 1 << 2,
};
