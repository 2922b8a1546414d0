// The parts of x86_64's decoder that its files share: where it is in the code, and what the
// prefixes and the operand in memory say.
#pragma once

#include <stdbool.h>
#include <string.h>

#include "libs/insn/insn.h"

// Where the decoder is in the code. What is behind the end of that is zero, which is no prefix, so
// it goes on for one opcode and its operands at most; the end is looked at once, when the length is
// known.
struct insn_reader {
    uint64_t word[4];
    uint32_t bits;
    uint32_t at; // bytes that were read
    uint8_t rex; // 0: none
    bool operand_prefix, address_prefix, repeat, lock;
    uint8_t segment; // that a prefix says; INSN_NO_REGISTER: none does
};

// Of 8 bytes the first COUNT.
static inline uint64_t insn_first_bytes(uint64_t word, uint32_t count) {
    return count < 8 ? word & ((UINT64_C(1) << 8 * count) - 1) : word;
}

static inline const uint8_t *insn_rest(const struct insn_reader *reader) {
    return (const uint8_t *)reader->word + reader->at;
}

static inline uint8_t insn_next(struct insn_reader *reader) {
    uint8_t byte = *insn_rest(reader);
    reader->at++;
    return byte;
}

static inline uint64_t insn_number(struct insn_reader *reader, unsigned bytes) {
    uint64_t value;
    memcpy(&value, insn_rest(reader), sizeof(value)); // the lowest byte is the first
    reader->at += bytes;
    return insn_first_bytes(value, bytes);
}

static inline int64_t insn_signed_number(struct insn_reader *reader, unsigned bytes) {
    unsigned shift = 64 - 8 * bytes;
    return bytes ? (int64_t)(insn_number(reader, bytes) << shift) >> shift : 0;
}

static inline uint8_t insn_operand_bytes(const struct insn_reader *reader) {
    if (reader->rex & 8) {
        return 8;
    }
    return reader->operand_prefix == (reader->bits == 16) ? 4 : 2;
}

static inline uint8_t insn_address_bytes(const struct insn_reader *reader) {
    if (reader->bits == 64) {
        return reader->address_prefix ? 4 : 8;
    }
    return reader->address_prefix == (reader->bits == 16) ? 4 : 2;
}

// The operand in memory of an instruction whose MODRM byte was read last: MORE's address and the
// base. False: it is in a register.
bool insn_memory(struct insn_reader *reader, uint8_t modrm, struct insn_more *more, uint8_t *base);

// The operand in a register that MODRM names; MORE's form has its width.
static inline uint8_t insn_register(const struct insn_reader *reader, uint8_t modrm,
                                    struct insn_more *more) {
    uint8_t reg = (uint8_t)((modrm >> 3 & 7) | (reader->rex & 4) << 1);
    more->is_high = more->form.width == 1 && !reader->rex && reg >= 4;
    return more->is_high ? reg - 4 : reg;
}

struct insn_access insn_refuse(struct insn_more *more, enum insn_kind kind);

// Groups of instructions that compute: which operation it is and where its operands are is said by
// the opcode in different ways (insn_x86_64_compute.c).
enum insn_group {
    INSN_TO_MEMORY, // the eight operations
    INSN_TO_REGISTER,
    INSN_IMMEDIATE,
    INSN_TEST_REGISTER,
    INSN_SHIFT_IMMEDIATE,
    INSN_SHIFT_ONCE,
    INSN_SHIFT_BY_CL,
    INSN_UNARY,
    INSN_STEP, // by one
    INSN_BIT_REGISTER,
    INSN_BIT_IMMEDIATE,
    INSN_EXCHANGE,
    INSN_COMPARE_EXCHANGE,
    INSN_EXCHANGE_ADD,
    INSN_GROUPS
};

// One of group NUMBER, which READER is behind the opcode of.
struct insn_access insn_decode_compute(struct insn_reader *reader, enum insn_group number,
                                       struct insn_more *more);
