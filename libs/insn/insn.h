// Decoding of the instructions that access memory, for emulated device registers. Pure: a word in,
// a description out. One interface, and a decoder for each architecture (insn_riscv64.c,
// insn_aarch64.c); x86_64, where an instruction is no word, has an entry of its own
// (insn_x86_64.c).
#pragma once

#include <assert.h>
#include <stdbool.h>
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
    X(ARITHMETIC, "a rare instruction that computes with memory")                                  \
    X(STRING, "a string instruction")                                                              \
    X(CUT, "longer than what could be fetched")                                                    \
    X(COMPUTE, "an instruction that computes with memory")

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
    uint8_t kind;        // enum insn_kind; the rest is only said of INSN_ACCESS and INSN_COMPUTE
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

// What an instruction of x86_64 does with two operands; the first eight, and those that shift, in
// the order of their encoding. Of those that exchange the result goes to memory and what was there
// to the register.
enum insn_operation {
    INSN_ADD,
    INSN_OR,
    INSN_ADC,
    INSN_SBB,
    INSN_AND,
    INSN_SUB,
    INSN_XOR,
    INSN_CMP,
    INSN_ROL,
    INSN_ROR,
    INSN_RCL,
    INSN_RCR,
    INSN_SHL,
    INSN_SHR,
    INSN_SAL, // another encoding of SHL
    INSN_SAR,
    INSN_BT,
    INSN_BTS,
    INSN_BTR,
    INSN_BTC,
    INSN_TEST,
    INSN_NOT,
    INSN_NEG,
    INSN_INC,
    INSN_DEC,
    INSN_XCHG,
    INSN_CMPXCHG,
    INSN_XADD,
    INSN_OPERATIONS
};

// What else an access of x86_64 needs to be done.
struct insn_more {
    struct insn_form form;
    uint8_t is_high; // the register is one of AH, CH, DH, BH: `reg` and the byte above its low one
    uint8_t is_immediate; // what is stored, or computed with, is VALUE
    // Of INSN_COMPUTE, whose form.is_write says that memory is written, enum insn_operation. The
    // first operand is in memory; where IS_TO_REGISTER it is the register, and so is the result.
    uint8_t operation;
    uint8_t is_to_register;
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

// RFLAGS' bits that instructions compute (APM volume 1, 3.1.4).
enum insn_flag {
    INSN_CF = 1 << 0,
    INSN_PF = 1 << 2,
    INSN_AF = 1 << 4,
    INSN_ZF = 1 << 6,
    INSN_SF = 1 << 7,
    INSN_OF = 1 << 11,
    INSN_FLAGS = INSN_CF | INSN_PF | INSN_AF | INSN_ZF | INSN_SF | INSN_OF
};

struct insn_result {
    uint64_t value;
    uint64_t flags; // enum insn_flag
};

// What OPERATION makes of its operands, SIZE bytes each, with nothing above them, and of FLAGS
// (enum insn_flag; other bits do not count). Flags that the manual leaves undefined are 0 or as
// before. Of those that exchange it says what they compute: XADD adds, CMPXCHG compares, where LEFT
// is the accumulator, and XCHG has RIGHT for its result.
struct insn_result insn_compute(enum insn_operation operation, unsigned size, uint64_t left,
                                uint64_t right, uint64_t flags);

// Whether the flags behind OPERATION depend on those before.
bool insn_takes_flags(enum insn_operation operation);
