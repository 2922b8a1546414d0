// Decoding of the instructions that access memory, for emulated device registers. Pure: a word in,
// a description out. One interface, and a decoder for each architecture (insn_riscv64.c,
// insn_aarch64.c); x86_64, where an instruction is no word, has an entry of its own
// (insn_x86_64.c).
#pragma once

#include <assert.h>
#include <stdint.h>

// X(name, what a person reads of such an instruction)
#define INSN_LIST(X)                                                                               \
    X(ACCESS, "an integer load or store")                                                          \
    X(FLOAT, "a floating-point or vector load or store")                                           \
    X(ATOMIC, "an atomic memory operation")                                                        \
    X(CACHE, "a fence or a cache-block operation")                                                 \
    X(LONG, "an instruction of more than 32 bits")                                                 \
    X(EXCLUSIVE, "an exclusive load or store")                                                     \
    X(UNPREDICTABLE, "a load or store whose result the manual leaves open")                        \
    X(MEMORY, "a memory access of a rare kind")                                                    \
    X(OTHER, "no access to memory, or no instruction")                                             \
    X(ARITHMETIC, "an instruction that computes with memory")                                      \
    X(STRING, "a string instruction")                                                              \
    X(CUT, "longer than what could be fetched")

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
    uint8_t size;        // bytes accessed, of each register: 1, 2, 4 or 8
    uint8_t is_write;    // a store
    uint8_t sign_extend; // of what is loaded: to `width` bytes, with zeros above these
    uint8_t width;       // 4 or 8; x86_64: also 1 or 2, and the register keeps its other bytes
    uint8_t length;      // of the instruction, in bytes
    uint8_t is_pair;     // two registers: the second one's place in memory is `size` further on
    uint8_t writes_base; // the base register changes too
};

// Small enough to be returned in two registers.
struct insn_access {
    const struct insn_form *form; // never NULL
    uint8_t reg;                  // the general register that is loaded or stored
    uint8_t second;               // of a pair
    uint8_t base;                 // the register that the address comes from, 31: the stack pointer
    uint8_t reserved;
    // Of a pair: what is added to the base for the first address. The address of the exit is not
    // always that: the first half may have been no access to a device.
    int16_t offset;
    int16_t step; // what writes_base adds to the base
};

static_assert(sizeof(struct insn_access) == 16, "returned in two registers");

// The general register that always reads as zero and takes no value: x0 or xzr. No base is meant by
// it: there it is a register like others.
extern const uint8_t insn_zero;

// Decodes INSTRUCTION. Every kind but INSN_ACCESS can't be emulated. Where there are compressed
// instructions, the upper half does not count when the lower half is one.
struct insn_access insn_decode(uint32_t instruction);

// Decodes what the hardware says of a faulting access, which is never 0 (word[3] of EXIT_STAGE2,
// ipc/exit.h). riscv64: the transformed instruction (privileged architecture 1.12, §8.6.3).
// aarch64: the ISS of a data abort (Arm DDI 0487, ESR_EL2), bit 31 set. No base, no step: hardware
// says it only of accesses that have none.
struct insn_access insn_decode_given(uint32_t given);

#define INSN_BYTES 15 // the longest instruction of x86_64 (APM volume 3, 1.1)

// As much as there is of an instruction of x86_64, and the mode that it is executed in.
struct insn_code {
    uint8_t byte[INSN_BYTES + 1];
    uint32_t count; // of bytes that were read
    uint32_t bits;  // of the code segment: 16, 32 or 64
};

#define INSN_NO_REGISTER 255
#define INSN_PC 16 // as a base: the address behind the instruction

enum insn_segment { INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS };

// What else an access of x86_64 needs to be done.
struct insn_more {
    struct insn_form form;
    uint8_t is_high; // the register is one of AH, CH, DH, BH: `reg` and the byte above its low one
    uint8_t is_immediate; // what is stored is VALUE
    // The address: segment + base + (index << scale) + displacement, cut to ADDRESS_BYTES.
    uint8_t index; // as the base, INSN_NO_REGISTER: there is none
    uint8_t scale;
    uint8_t segment; // enum insn_segment
    uint8_t address_bytes;
    int64_t displacement;
    uint64_t value; // sign-extended
};

// Decodes CODE. The answer's form is MORE's. INSN_CUT: with more bytes it can be said.
struct insn_access insn_decode_code(const struct insn_code *code, struct insn_more *more);
