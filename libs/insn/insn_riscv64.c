// riscv64: the RISC-V unprivileged specification, chapters "RV32I" 2.6, "RV64I" 5.3 and "C" 16.3.
#include <stdbool.h>

#include "libs/insn/insn.h"

const uint8_t insn_zero = 0;

// The major opcodes, bits 6…2, of the 32-bit instructions that access memory.
enum {
    OPCODE_LOAD = 0x00,
    OPCODE_LOAD_FP = 0x01,
    OPCODE_MISC_MEM = 0x03,
    OPCODE_STORE = 0x08,
    OPCODE_STORE_FP = 0x09,
    OPCODE_AMO = 0x0b,
    OPCODE_LONG = 0x07, // bits 4…2 all ones: 48 bits or more
};

#define LOAD(bytes, sign, length_)                                                                 \
    {.kind = INSN_ACCESS, .size = (bytes), .sign_extend = (sign), .width = 8, .length = (length_)}
#define STORE(bytes, length_)                                                                      \
    {.kind = INSN_ACCESS, .size = (bytes), .is_write = 1, .width = 8, .length = (length_)}
#define NONE {.kind = INSN_OTHER}

// By funct3: lb lh lw ld, lbu lhu lwu; stores from 8 on: sb sh sw sd.
#define FORMS(length)                                                                              \
    {                                                                                              \
        LOAD(1, 1, length),                                                                        \
        LOAD(2, 1, length),                                                                        \
        LOAD(4, 1, length),                                                                        \
        LOAD(8, 0, length),                                                                        \
        LOAD(1, 0, length),                                                                        \
        LOAD(2, 0, length),                                                                        \
        LOAD(4, 0, length),                                                                        \
        NONE,                                                                                      \
        STORE(1, length),                                                                          \
        STORE(2, length),                                                                          \
        STORE(4, length),                                                                          \
        STORE(8, length),                                                                          \
        NONE,                                                                                      \
        NONE,                                                                                      \
        NONE,                                                                                      \
        NONE,                                                                                      \
    }
static const struct insn_form forms[16] = FORMS(4);
static const struct insn_form expanded_forms[16] = FORMS(2); // of what was compressed

// By funct3, in quadrants 0 and 2 alike: c.fld c.lw c.ld, c.fsd c.sw c.sd, or relative to sp.
static const struct insn_form compressed_forms[8] = {
    NONE, {.kind = INSN_FLOAT}, LOAD(4, 1, 2), LOAD(8, 0, 2),
    NONE, {.kind = INSN_FLOAT}, STORE(4, 2),   STORE(8, 2),
};

static const struct insn_form refused[INSN_COUNT] = {
    [INSN_FLOAT] = {.kind = INSN_FLOAT}, [INSN_ATOMIC] = {.kind = INSN_ATOMIC},
    [INSN_CACHE] = {.kind = INSN_CACHE}, [INSN_LONG] = {.kind = INSN_LONG},
    [INSN_OTHER] = {.kind = INSN_OTHER},
};

static struct insn_access refuse(enum insn_kind kind) {
    return (struct insn_access){.form = &refused[kind]};
}

__attribute__((noinline)) static struct insn_access decode_compressed(uint32_t instruction) {
    uint32_t quadrant = instruction & 3;
    const struct insn_form *form = &compressed_forms[instruction >> 13 & 7];
    if (quadrant == 1) {
        return refuse(INSN_OTHER);
    }
    if (quadrant == 0) {
        return (struct insn_access){.form = form, .reg = (instruction >> 2 & 7) + 8};
    }
    if (form->is_write) {
        return (struct insn_access){.form = form, .reg = instruction >> 2 & 31};
    }
    uint32_t reg = instruction >> 7 & 31;
    if (reg == 0 && form->kind == INSN_ACCESS) {
        return refuse(INSN_OTHER); // reserved (§16.3)
    }
    return (struct insn_access){.form = form, .reg = (uint8_t)reg};
}

// A 32-bit instruction that is no integer load or store.
__attribute__((noinline, cold)) static struct insn_access decode_other(uint32_t instruction) {
    uint32_t opcode = instruction >> 2 & 31;
    if ((opcode & OPCODE_LONG) == OPCODE_LONG) {
        return refuse(INSN_LONG);
    }
    switch (opcode) {
    case OPCODE_LOAD_FP:
    case OPCODE_STORE_FP:
        return refuse(INSN_FLOAT);
    case OPCODE_AMO:
        return refuse(INSN_ATOMIC);
    case OPCODE_MISC_MEM:
        return refuse(INSN_CACHE);
    default:
        return refuse(INSN_OTHER);
    }
}

// Tail calls: the short way, that of a 32-bit load or store, needs no stack frame.
struct insn_access insn_decode(uint32_t instruction) {
    if (__builtin_expect((instruction & 3) != 3, 0)) {
        __attribute__((musttail)) return decode_compressed(instruction);
    }
    // LOAD and STORE differ in one bit only, so one comparison finds both.
    if (__builtin_expect((instruction & 0x5f) != 0x03, 0)) {
        __attribute__((musttail)) return decode_other(instruction);
    }
    uint32_t is_store = instruction >> 2 & OPCODE_STORE;
    return (struct insn_access){
        .form = &forms[is_store | (instruction >> 12 & 7)],
        .reg = (is_store ? instruction >> 20 : instruction >> 7) & 31,
    };
}

// The instruction with its address taken out, of 32 bits always: bit 1 is clear when it was a
// compressed one.
struct insn_access insn_decode_given(uint32_t given) {
    bool was_compressed = !(given & 2);
    if (!(given & 1)) {
        return refuse(INSN_OTHER); // a table walk, or the machine's own kind
    }
    struct insn_access access = insn_decode(given | 2);
    if (was_compressed && access.form->kind == INSN_ACCESS) {
        access.form = &expanded_forms[access.form - forms];
    }
    return access;
}
