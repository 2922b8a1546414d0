// How the core tells init that a task can't go on. The words of an EXIT_FAULT record.
#pragma once

#include <stdint.h>

// X(name, what a person reads)
#define FAULT_LIST(X)                                                                              \
    X(MEMORY, "touched memory that it does not have")                                              \
    X(INSTRUCTION, "executed an illegal or privileged instruction")                                \
    X(BREAKPOINT, "stopped itself (breakpoint)")                                                   \
    X(HANG, "did not come back in time")                                                           \
    X(EXIT, "asked to end")                                                                        \
    X(STOPPED, "was killed")                                                                       \
    X(OTHER, "trapped for an unexpected cause")

#define FAULT_ENUM(name, text) FAULT_##name,
enum fault { FAULT_LIST(FAULT_ENUM) FAULT_COUNT };
#undef FAULT_ENUM

static inline const char *fault_text(uint64_t fault) {
#define FAULT_TEXT(name, text) text,
    static const char *const texts[] = {FAULT_LIST(FAULT_TEXT)};
#undef FAULT_TEXT
    return fault < FAULT_COUNT ? texts[fault] : "?";
}

enum fault_word {
    FAULT_WORD_CAUSE,   // enum fault
    FAULT_WORD_DETAIL,  // the architecture's cause (riscv64: scause); EXIT, STOPPED: the status
    FAULT_WORD_PC,      // where
    FAULT_WORD_ADDRESS, // the address touched (riscv64: stval)
    FAULT_WORD_INFO,    // message.info of the record being served; all ones when none
    FAULT_WORD_SEQ,     // its sequence number
    FAULT_WORD_ATTEMPT, // how many servers have now died on it
    FAULT_WORD_BADGE,   // its badge: for an exit, the VM
};
