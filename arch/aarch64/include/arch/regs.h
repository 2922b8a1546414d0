// Saved registers (contract: struct regs, struct fp_regs and the regs_* accessors, which the core
// uses to reach them without knowing their names).
#pragma once

#include <stdint.h>

// In an order that lets the trap vector store and load pairs.
struct regs {
    uint64_t x[31];
    uint64_t sp; // SP_EL0
    uint64_t pc;
    uint64_t pstate;
    uint64_t tp; // TPIDR_EL0
    uint64_t pad;
};

struct fp_regs {
    unsigned __int128 v[32];
    uint64_t fpcr;
    uint64_t fpsr;
};

// Where what travels beside the message words is (ipc/message.h).
enum { REG_INFO = 8, REG_PC = 9, REG_SEQ = 10, REG_BADGE = 11 };
enum { REG_NUMBER = 8, REG_SELECTOR = 9 };

static inline uint64_t regs_pc(const struct regs *regs) { return regs->pc; }

static inline uint64_t regs_sp(const struct regs *regs) { return regs->sp; }

// General register NUMBER, 0…31. Register 31 reads as zero and ignores writes (XZR).
static inline uint64_t regs_get(const struct regs *regs, unsigned number) {
    return number < 31 ? regs->x[number] : 0;
}

static inline void regs_set(struct regs *regs, unsigned number, uint64_t value) {
    if (number < 31) {
        regs->x[number] = value;
    }
}

// The message words and what travels beside them in a system call.
static inline const uint64_t *regs_words(const struct regs *regs) { return regs->x; }

// The register in which functions return their value.
static inline uint64_t regs_returned(const struct regs *regs) { return regs->x[0]; }

static inline uint64_t regs_word(const struct regs *regs, unsigned index) { return regs->x[index]; }

static inline void regs_set_word(struct regs *regs, unsigned index, uint64_t value) {
    regs->x[index] = value;
}

static inline uint64_t regs_selector(const struct regs *regs) { return regs->x[REG_SELECTOR]; }

static inline void regs_set_status(struct regs *regs, uint64_t status) {
    regs->x[REG_NUMBER] = status;
}
