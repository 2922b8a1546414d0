// Saved registers (contract: struct regs, struct fp_regs and the regs_* accessors, which the core
// uses to reach them without knowing their names).
#pragma once

#include <assert.h>
#include <stdint.h>

// From `vector` on as the CPU pushes it on the way from a task into the core: the end of this
// struct is what the task state segment has as the core's stack, and so must be aligned to 16.
struct regs {
    uint64_t pad;
    uint64_t tp; // FS.base
    uint64_t x[15];
    uint64_t vector, error, pc, cs, flags, sp, ss;
};

static_assert(sizeof(struct regs) % 16 == 0, "the CPU aligns the stack that it pushes to");

// The image of FXSAVE64 (APM volume 2, 11.4.4).
struct fp_regs {
    _Alignas(16) uint8_t image[512];
};

// The places in x, in the order that vector.S saves and loads them in. The first eight are the
// message words (ipc/message.h). A guest's RAX, by which firmware is called, is word 0 of a
// hypercall: so a vCPU has its RAX and RDI the other way round.
enum { REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9, REG_R12, REG_R13 };
enum { REG_RAX = 8, REG_RBX, REG_RCX, REG_RBP, REG_R11, REG_R14, REG_R15 };
enum { REG_VCPU_RAX = REG_RDI, REG_VCPU_RDI = REG_RAX };

// What travels beside the words.
enum { REG_INFO = REG_RAX, REG_PC = REG_RBX, REG_SEQ = REG_R14, REG_BADGE = REG_R15 };
enum { REG_NUMBER = REG_RAX, REG_SELECTOR = REG_RBX };

static inline uint64_t regs_pc(const struct regs *regs) { return regs->pc; }

static inline uint64_t regs_sp(const struct regs *regs) { return regs->sp; }

// Register NUMBER, 0…31, of a vCPU, whose regs these are: 0…15 as instructions number them, then
// enum regs_system. Those that are not there read as zero and ignore writes. Of RFLAGS a write
// changes CF, PF, AF, ZF, SF and OF, and nothing else.
uint64_t regs_get(const struct regs *regs, unsigned number);
void regs_set(struct regs *regs, unsigned number, uint64_t value);

// What else says how the guest's instructions are to be read. EFER with SVME, which is not the
// guest's. CS has its selector, from bit 16 on its attributes as in a VMCB (25: 64-bit code, 26:
// 32-bit code), from bit 32 on its limit.
enum regs_system { REGS_RFLAGS = 16, REGS_CR0, REGS_CR2, REGS_CR3, REGS_CR4, REGS_EFER };
enum regs_base { REGS_CS_BASE = 22, REGS_DS_BASE, REGS_ES_BASE, REGS_FS_BASE, REGS_GS_BASE };
enum regs_rest { REGS_SS_BASE = 27, REGS_PAT, REGS_CS };

// The message words and what travels beside them in a system call.
static inline const uint64_t *regs_words(const struct regs *regs) { return regs->x; }

// The register in which functions return their value.
static inline uint64_t regs_returned(const struct regs *regs) { return regs->x[REG_RAX]; }

static inline uint64_t regs_word(const struct regs *regs, unsigned index) { return regs->x[index]; }

static inline void regs_set_word(struct regs *regs, unsigned index, uint64_t value) {
    regs->x[index] = value;
}

static inline uint64_t regs_selector(const struct regs *regs) { return regs->x[REG_SELECTOR]; }

static inline void regs_set_status(struct regs *regs, uint64_t status) {
    regs->x[REG_NUMBER] = status;
}
