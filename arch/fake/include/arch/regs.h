// Saved registers (contract: struct regs, struct fp_regs and the regs_* accessors). The fake CPU
// has eight message words, which are its general registers 0…7, eight more, and a register of its
// own for everything that travels beside the words.
#pragma once

#include <stdint.h>

#define REGS_GENERAL 16

struct regs {
    uint64_t general[REGS_GENERAL]; // 0…7: the message words
    uint64_t pc, sp, tp;
    uint64_t selector; // of a system call; a record's pc
    uint64_t status;   // what a system call gives back; a record's info
    uint64_t seq, badge;
    uint64_t user; // 1: below the guest's kernel
};

struct fp_regs {
    uint64_t f[4];
};

static inline uint64_t regs_pc(const struct regs *regs) { return regs->pc; }

static inline uint64_t regs_sp(const struct regs *regs) { return regs->sp; }

// General register NUMBER, 0…31. Those that this CPU lacks read as zero and ignore writes.
static inline uint64_t regs_get(const struct regs *regs, unsigned number) {
    return number < REGS_GENERAL ? regs->general[number] : 0;
}

static inline void regs_set(struct regs *regs, unsigned number, uint64_t value) {
    if (number < REGS_GENERAL) {
        regs->general[number] = value;
    }
}

static inline const uint64_t *regs_words(const struct regs *regs) { return regs->general; }

// The register in which functions return their value.
static inline uint64_t regs_returned(const struct regs *regs) { return regs->general[0]; }

static inline uint64_t regs_word(const struct regs *regs, unsigned index) {
    return regs->general[index];
}

static inline void regs_set_word(struct regs *regs, unsigned index, uint64_t value) {
    regs->general[index] = value;
}

static inline uint64_t regs_selector(const struct regs *regs) { return regs->selector; }

static inline void regs_set_status(struct regs *regs, uint64_t status) { regs->status = status; }
