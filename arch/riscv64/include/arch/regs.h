// Saved registers (contract: struct regs, struct fp_regs and the regs_* accessors, which the core
// uses to reach them without knowing their names).
#pragma once

#include <stdint.h>

struct regs {
    uint64_t x[32]; // x[0] holds the program counter
    uint64_t sstatus;
    uint64_t hstatus;
};

struct fp_regs {
    uint64_t f[32];
    uint64_t fcsr;
    uint64_t pad;
};

enum {
    REG_RA = 1,
    REG_SP = 2,
    REG_TP = 4,
    REG_T0 = 5,
    REG_T1 = 6,
    REG_T2 = 7,
    REG_A0 = 10,
    REG_T3 = 28
};

static inline uint64_t regs_pc(const struct regs *regs) { return regs->x[0]; }

static inline uint64_t regs_sp(const struct regs *regs) { return regs->x[REG_SP]; }

// General register NUMBER, 0…31. Register 0 reads as zero and ignores writes.
static inline uint64_t regs_get(const struct regs *regs, unsigned number) {
    return number ? regs->x[number] : 0;
}

static inline void regs_set(struct regs *regs, unsigned number, uint64_t value) {
    if (number) {
        regs->x[number] = value;
    }
}

// The message words and what travels beside them in a system call.
static inline const uint64_t *regs_words(const struct regs *regs) { return &regs->x[REG_A0]; }

// The register in which functions return their value.
static inline uint64_t regs_returned(const struct regs *regs) { return regs->x[REG_A0]; }

static inline uint64_t regs_word(const struct regs *regs, unsigned index) {
    return regs->x[REG_A0 + index];
}

static inline void regs_set_word(struct regs *regs, unsigned index, uint64_t value) {
    regs->x[REG_A0 + index] = value;
}

static inline uint64_t regs_selector(const struct regs *regs) { return regs->x[REG_T1]; }

static inline void regs_set_status(struct regs *regs, uint64_t status) { regs->x[REG_T0] = status; }
