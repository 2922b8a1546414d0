// Decoding of the riscv64 instructions that access memory, for emulated device registers. Pure: a
// word in, a description out. The RISC-V unprivileged specification, chapters "RV32I" 2.6,
// "RV64I" 5.3 and "C" 16.3.
#pragma once

#include <stdint.h>

// X(name, what a person reads of such an instruction)
#define INSN_LIST(X)                                                                               \
    X(ACCESS, "an integer load or store")                                                          \
    X(FLOAT, "a floating-point or vector load or store")                                           \
    X(ATOMIC, "an atomic memory operation")                                                        \
    X(CACHE, "a fence or a cache-block operation")                                                 \
    X(LONG, "an instruction of more than 32 bits")                                                 \
    X(OTHER, "no access to memory, or no instruction")

#define INSN_ENUM(name, text) INSN_##name,
enum insn_kind { INSN_LIST(INSN_ENUM) INSN_COUNT };
#undef INSN_ENUM

static inline const char *insn_text(enum insn_kind kind) {
#define INSN_TEXT(name, text) text,
    static const char *const texts[] = {INSN_LIST(INSN_TEXT)};
#undef INSN_TEXT
    return (uint32_t)kind < INSN_COUNT ? texts[kind] : "?";
}

// What an instruction does, but for its operands.
struct insn_form {
    uint8_t kind;        // enum insn_kind; the rest is only said of INSN_ACCESS
    uint8_t size;        // bytes accessed: 1, 2, 4 or 8
    uint8_t is_write;    // a store
    uint8_t sign_extend; // of what is loaded
    uint8_t length;      // of the instruction: 2 or 4 bytes
};

// Small enough to be returned in two registers.
struct insn_access {
    const struct insn_form *form; // never NULL
    uint64_t reg;                 // the general register that is loaded or stored
};

// Decodes INSTRUCTION, whose upper half does not count where its lower half is a compressed one.
// Every kind but INSN_ACCESS can't be emulated.
struct insn_access insn_decode(uint32_t instruction);
