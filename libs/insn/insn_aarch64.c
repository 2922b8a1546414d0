// aarch64, A64: the Arm architecture reference manual, DDI 0487, chapter C4.1 "A64 instruction set
// encoding", "Loads and Stores", and D24.2 "ESR_EL2" for what hardware decodes itself.
#include <stdbool.h>

#include "libs/insn/insn.h"

const uint8_t insn_zero = 31;

#define BASE_SP 31 // as a base, number 31 is the stack pointer

#define FORM(bytes, write, sign, to)                                                               \
    {.kind = INSN_ACCESS,                                                                          \
     .size = (bytes),                                                                              \
     .is_write = (write),                                                                          \
     .sign_extend = (sign),                                                                        \
     .width = (to),                                                                                \
     .length = 4}
#define NONE {.kind = INSN_OTHER}

// By size (bits 31, 30) and opc (23, 22): str, ldr, ldrs to 64 bits, ldrs to 32 bits.
static const struct insn_form forms[16] = {
    FORM(1, 1, 0, 8), FORM(1, 0, 0, 8), FORM(1, 0, 1, 8), FORM(1, 0, 1, 4), //
    FORM(2, 1, 0, 8), FORM(2, 0, 0, 8), FORM(2, 0, 1, 8), FORM(2, 0, 1, 4), //
    FORM(4, 1, 0, 8), FORM(4, 0, 0, 8), FORM(4, 0, 1, 8), NONE,             //
    FORM(8, 1, 0, 8), FORM(8, 0, 0, 8), NONE /* prfm */,  NONE,             //
};

#define WRITES_BASE(bytes, write, sign, to)                                                        \
    {.kind = INSN_ACCESS,                                                                          \
     .size = (bytes),                                                                              \
     .is_write = (write),                                                                          \
     .sign_extend = (sign),                                                                        \
     .width = (to),                                                                                \
     .length = 4,                                                                                  \
     .writes_base = 1}

// The same, pre- and post-indexed.
static const struct insn_form indexed_forms[16] = {
    WRITES_BASE(1, 1, 0, 8),
    WRITES_BASE(1, 0, 0, 8),
    WRITES_BASE(1, 0, 1, 8),
    WRITES_BASE(1, 0, 1, 4),
    WRITES_BASE(2, 1, 0, 8),
    WRITES_BASE(2, 0, 0, 8),
    WRITES_BASE(2, 0, 1, 8),
    WRITES_BASE(2, 0, 1, 4),
    WRITES_BASE(4, 1, 0, 8),
    WRITES_BASE(4, 0, 0, 8),
    WRITES_BASE(4, 0, 1, 8),
    NONE,
    WRITES_BASE(8, 1, 0, 8),
    WRITES_BASE(8, 0, 0, 8),
    NONE,
    NONE,
};

#define PAIR(bytes, write, sign, indexed)                                                          \
    {.kind = INSN_ACCESS,                                                                          \
     .size = (bytes),                                                                              \
     .is_write = (write),                                                                          \
     .sign_extend = (sign),                                                                        \
     .width = 8,                                                                                   \
     .length = 4,                                                                                  \
     .is_pair = 1,                                                                                 \
     .writes_base = (indexed)}

// By opc (bits 31, 30) and L (22): stp, ldp of 32 bits; ldpsw; stp, ldp of 64 bits. From 8 on: with
// the base written.
static const struct insn_form pair_forms[16] = {
    PAIR(4, 1, 0, 0), PAIR(4, 0, 0, 0), NONE, PAIR(4, 0, 1, 0),
    PAIR(8, 1, 0, 0), PAIR(8, 0, 0, 0), NONE, NONE,
    PAIR(4, 1, 0, 1), PAIR(4, 0, 0, 1), NONE, PAIR(4, 0, 1, 1),
    PAIR(8, 1, 0, 1), PAIR(8, 0, 0, 1), NONE, NONE,
};

static const struct insn_form refused[INSN_COUNT] = {
    [INSN_FLOAT] = {.kind = INSN_FLOAT},
    [INSN_ATOMIC] = {.kind = INSN_ATOMIC},
    [INSN_CACHE] = {.kind = INSN_CACHE},
    [INSN_EXCLUSIVE] = {.kind = INSN_EXCLUSIVE},
    [INSN_UNPREDICTABLE] = {.kind = INSN_UNPREDICTABLE},
    [INSN_MEMORY] = {.kind = INSN_MEMORY},
    [INSN_OTHER] = {.kind = INSN_OTHER},
};

static struct insn_access refuse(enum insn_kind kind) {
    return (struct insn_access){.form = &refused[kind]};
}

static uint32_t bits(uint32_t word, unsigned low, unsigned count) {
    return word >> low & ((1u << count) - 1);
}

static int16_t signed_bits(uint32_t word, unsigned low, unsigned count) {
    return (int16_t)((int32_t)(word << (32 - low - count)) >> (32 - count));
}

// One register and no writeback, of whichever way to form the address.
static struct insn_access single(uint32_t word) {
    return (struct insn_access){
        .form = &forms[bits(word, 30, 2) << 2 | bits(word, 22, 2)],
        .reg = word & 31,
        .base = bits(word, 5, 5),
    };
}

static struct insn_access indexed(uint32_t word) {
    struct insn_access access = single(word);
    access.form = &indexed_forms[access.form - forms];
    access.step = signed_bits(word, 12, 9);
    if (access.form->kind == INSN_ACCESS && access.reg == access.base && access.base != BASE_SP) {
        return refuse(INSN_UNPREDICTABLE);
    }
    return access;
}

// ldr from an address that is relative to the pc: by opc (31, 30) a word, a doubleword, a word that
// is extended, a prefetch.
static struct insn_access literal(uint32_t word) {
    static const uint8_t form[4] = {2 << 2 | 1, 3 << 2 | 1, 2 << 2 | 2, 3 << 2 | 2};
    return (struct insn_access){.form = &forms[form[word >> 30]], .reg = word & 31};
}

static struct insn_access pair(uint32_t word) {
    enum { NO_ALLOCATE, POST, OFFSET, PRE };
    uint32_t mode = bits(word, 23, 2), opc = word >> 30;
    bool writes_base = mode == POST || mode == PRE;
    struct insn_access access = {
        .form = &pair_forms[writes_base << 3 | opc << 1 | bits(word, 22, 1)],
        .reg = word & 31,
        .second = bits(word, 10, 5),
        .base = bits(word, 5, 5),
    };
    if (access.form->kind != INSN_ACCESS || (mode == NO_ALLOCATE && opc == 1)) {
        return refuse(opc == 1 && mode != NO_ALLOCATE ? INSN_MEMORY : INSN_OTHER); // stgp
    }
    int16_t displacement = (int16_t)(signed_bits(word, 15, 7) * access.form->size);
    access.offset = mode == POST ? 0 : displacement;
    access.step = writes_base ? displacement : 0;
    bool same = !access.form->is_write && access.reg == access.second;
    bool on_base = writes_base && access.base != BASE_SP &&
                   (access.reg == access.base || access.second == access.base);
    return same || on_base ? refuse(INSN_UNPREDICTABLE) : access;
}

// Exclusives, ordered loads and stores, compare and swap: bits 29…24 are 001000.
static struct insn_access exclusive_or_ordered(uint32_t word) {
    bool o2 = bits(word, 23, 1), load = bits(word, 22, 1), o1 = bits(word, 21, 1);
    if (o2 && !o1) { // ldar, ldlar, stlr, stllr
        // Two fields "should be one", and what is done otherwise is the CPU's choice.
        if (bits(word, 16, 5) != 31 || bits(word, 10, 5) != 31) {
            return refuse(INSN_UNPREDICTABLE);
        }
        return (struct insn_access){
            .form = &forms[bits(word, 30, 2) << 2 | load],
            .reg = word & 31,
            .base = bits(word, 5, 5),
        };
    }
    // casp is where a pair of narrow exclusives would be.
    bool is_casp = !o2 && o1 && !(word >> 31);
    return refuse(o2 || is_casp ? INSN_ATOMIC : INSN_EXCLUSIVE);
}

// Bits 29…24 are 011001: ldapur and stlur among the rare: tags, copies, atomics of 128 bits.
static struct insn_access ordered_unscaled(uint32_t word) {
    bool has_more = bits(word, 21, 1);
    if (!has_more && bits(word, 10, 2) == 0) {
        // Where there is a prefetch in the other classes, there is nothing here: both are refused.
        return single(word);
    }
    return refuse(has_more && word >> 30 != 3 ? INSN_ATOMIC : INSN_MEMORY);
}

// Bits 29…27 are 111: one register.
static struct insn_access one_register(uint32_t word) {
    enum { UNSCALED, POST, UNPRIVILEGED, PRE };
    uint32_t how = bits(word, 10, 2);
    if (bits(word, 24, 1)) {
        return single(word); // unsigned offset
    }
    if (!bits(word, 21, 1)) {
        if (how == UNPRIVILEGED && word >> 30 == 3 && bits(word, 22, 2) == 2) {
            return refuse(INSN_OTHER);
        }
        return how == POST || how == PRE ? indexed(word) : single(word);
    }
    if (how == 2) { // register offset
        return bits(word, 14, 1) ? single(word) : refuse(INSN_OTHER);
    }
    if (how != 0) {
        return refuse(INSN_MEMORY); // ldraa, ldrab
    }
    // ldapr is among the atomics: o3 = 1, opc = 100, the source 31, acquire without release.
    if ((word & 0x3ffffc00) == 0x38bfc000) {
        return (struct insn_access){
            .form = &forms[word >> 30 << 2 | 1],
            .reg = word & 31,
            .base = bits(word, 5, 5),
        };
    }
    bool is_64_bytes = word >> 30 == 3 && !bits(word, 22, 2) && bits(word, 15, 1) &&
                       bits(word, 12, 3) != 0; // ld64b, st64b, st64bv, st64bv0
    return refuse(is_64_bytes ? INSN_MEMORY : INSN_ATOMIC);
}

static struct insn_access no_load_or_store(uint32_t word) {
    uint32_t group = bits(word, 25, 4);
    uint32_t top = word >> 29;
    // SVE and SME have their own loads and stores.
    if ((group == 2 && top >= 4) ||
        (group == 0 && (top == 7 || (top == 5 && !bits(word, 23, 1))))) {
        return refuse(INSN_FLOAT);
    }
    // dc and ic are sys with CRn 7; with other CRm there are address translations and hints.
    bool is_cache = (word & 0xfff8f000) == 0xd5087000 && (0x7c72 >> bits(word, 8, 4) & 1);
    uint32_t op2 = bits(word, 5, 3);
    bool is_barrier =
        (word & 0xfffff01f) == 0xd503301f && (op2 >= 4 || (op2 == 1 && bits(word, 8, 2) == 2));
    return refuse(is_cache || is_barrier ? INSN_CACHE : INSN_OTHER);
}

struct insn_access insn_decode(uint32_t instruction) {
    uint32_t class = bits(instruction, 27, 3); // bits 29…27
    if ((instruction & 0x0a000000) != 0x08000000) {
        return no_load_or_store(instruction);
    }
    if (bits(instruction, 26, 1)) {
        // Half of the copies and fills are where the vectors' loads are.
        bool is_copy = (instruction & 0x3f200c00) == 0x1d000400;
        return refuse(is_copy ? INSN_MEMORY : INSN_FLOAT);
    }
    bool upper = bits(instruction, 24, 1);
    switch (class) {
    case 1:
        return upper ? refuse(INSN_MEMORY) : exclusive_or_ordered(instruction);
    case 3:
        return upper ? ordered_unscaled(instruction) : literal(instruction);
    case 5:
        return pair(instruction);
    default:
        return one_register(instruction);
    }
}

// By IL (bit 25), WnR (6), SSE (21), SF (15), SAS (23, 22).
#define GIVEN_FORM(bytes, write, sign, to, bytes_long)                                             \
    {.kind = INSN_ACCESS,                                                                          \
     .size = (bytes),                                                                              \
     .is_write = (write),                                                                          \
     .sign_extend = (sign),                                                                        \
     .width = (to),                                                                                \
     .length = (bytes_long)}
#define GIVEN(write, sign, to, length)                                                             \
    GIVEN_FORM(1, write, sign, to, length), GIVEN_FORM(2, write, sign, to, length),                \
        GIVEN_FORM(4, write, sign, to, length), GIVEN_FORM(8, write, sign, to, length)
#define ALL_GIVEN(length)                                                                          \
    GIVEN(0, 0, 4, length), GIVEN(0, 0, 8, length), GIVEN(0, 1, 4, length),                        \
        GIVEN(0, 1, 8, length), GIVEN(1, 0, 4, length), GIVEN(1, 0, 8, length),                    \
        GIVEN(1, 0, 4, length), GIVEN(1, 0, 8, length)
static const struct insn_form given_forms[64] = {ALL_GIVEN(2), ALL_GIVEN(4)};

#define ISS_VALID (1u << 24)
#define ISS_CACHE (1u << 8) // CM: cache maintenance, or an address translation

struct insn_access insn_decode_given(uint32_t given) {
    if (!(given & ISS_VALID)) {
        return refuse(INSN_OTHER);
    }
    if (given & ISS_CACHE) {
        return refuse(INSN_CACHE);
    }
    uint32_t form = bits(given, 25, 1) << 5 | bits(given, 6, 1) << 4 | bits(given, 21, 1) << 3 |
                    bits(given, 15, 1) << 2 | bits(given, 22, 2);
    return (struct insn_access){.form = &given_forms[form], .reg = bits(given, 16, 5)};
}
