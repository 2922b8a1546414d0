// Instructions that compute with memory: which operation, and where its operands are (APM volume 3,
// table and, of what the ModRM byte says, A-6).
#include "libs/insn/insn_x86_64.h"

#define NONE INSN_OPERATIONS // nothing that is emulated
#define REG_CX 1

// Where the operand is that is not in memory.
enum operand { REGISTER, IMMEDIATE, IMMEDIATE_BYTE, ONE, NOTHING, COUNT_REGISTER };

static const struct group {
    uint8_t operation; // the first, or all of them
    uint8_t operand;   // enum operand
    bool has_bytes;    // bit 0 of the opcode is 0 where they have a size of one
    bool is_to_register;
    bool by_opcode; // its bits 3 to 5 count from the first operation on,
    bool by_modrm;  // or those of the ModRM byte
} groups[INSN_GROUPS] = {
    [INSN_TO_MEMORY] = {.operation = INSN_ADD,
                        .operand = REGISTER,
                        .has_bytes = true,
                        .by_opcode = true},
    [INSN_TO_REGISTER] = {.operation = INSN_ADD,
                          .operand = REGISTER,
                          .has_bytes = true,
                          .is_to_register = true,
                          .by_opcode = true},
    [INSN_IMMEDIATE] = {.operation = INSN_ADD,
                        .operand = IMMEDIATE,
                        .has_bytes = true,
                        .by_modrm = true},
    [INSN_TEST_REGISTER] = {.operation = INSN_TEST, .operand = REGISTER, .has_bytes = true},
    [INSN_SHIFT_IMMEDIATE] = {.operation = INSN_ROL,
                              .operand = IMMEDIATE_BYTE,
                              .has_bytes = true,
                              .by_modrm = true},
    [INSN_SHIFT_ONCE] = {.operation = INSN_ROL,
                         .operand = ONE,
                         .has_bytes = true,
                         .by_modrm = true},
    [INSN_SHIFT_BY_CL] = {.operation = INSN_ROL,
                          .operand = COUNT_REGISTER,
                          .has_bytes = true,
                          .by_modrm = true},
    [INSN_UNARY] = {.operation = NONE, .operand = IMMEDIATE, .has_bytes = true},
    [INSN_STEP] = {.operation = NONE, .operand = ONE, .has_bytes = true},
    [INSN_BIT_REGISTER] = {.operation = INSN_BT, .operand = REGISTER, .by_opcode = true},
    [INSN_BIT_IMMEDIATE] = {.operation = NONE, .operand = IMMEDIATE_BYTE},
    [INSN_EXCHANGE] = {.operation = INSN_XCHG, .operand = REGISTER, .has_bytes = true},
    [INSN_COMPARE_EXCHANGE] = {.operation = INSN_CMPXCHG, .operand = REGISTER, .has_bytes = true},
    [INSN_EXCHANGE_ADD] = {.operation = INSN_XADD, .operand = REGISTER, .has_bytes = true},
};

// What the ModRM byte says in groups of which it does not say one in a row.
static unsigned operation_of_member(enum insn_group group, unsigned member) {
    static const uint8_t unary[] = {INSN_TEST, INSN_TEST, INSN_NOT, INSN_NEG,
                                    NONE,      NONE,      NONE,     NONE};
    switch (group) {
    case INSN_UNARY:
        return unary[member];
    case INSN_STEP:
        return member < 2 ? INSN_INC + member : NONE;
    default: // bits
        return member >= 4 ? INSN_BT + member - 4 : NONE;
    }
}

static unsigned operation(const struct group *group, enum insn_group number, uint8_t opcode,
                          uint8_t modrm) {
    if (group->operation == NONE) {
        return operation_of_member(number, modrm >> 3 & 7);
    }
    if (group->by_modrm) {
        return group->operation + (modrm >> 3 & 7);
    }
    // Of the bit operations there are four.
    unsigned mask = number == INSN_BIT_REGISTER ? 3 : 7;
    return group->by_opcode ? group->operation + (opcode >> 3 & mask) : group->operation;
}

// The members of the groups that are no operation.
static enum insn_kind kind_of_rest(enum insn_group group, uint8_t opcode, uint8_t modrm) {
    unsigned member = modrm >> 3 & 7;
    if (group == INSN_UNARY) {
        return INSN_ARITHMETIC; // mul, div
    }
    return group == INSN_STEP && (opcode & 1) && member != 7 ? INSN_MEMORY : INSN_OTHER;
}

static bool is_read_only(unsigned operation) {
    return operation == INSN_CMP || operation == INSN_TEST || operation == INSN_BT;
}

// The operand that is not in memory. Returns the register.
static uint8_t take_operand(struct insn_reader *reader, enum operand operand, uint8_t opcode,
                            uint8_t modrm, struct insn_more *more) {
    unsigned bytes = more->form.size > 4 ? 4 : more->form.size;
    if (operand == REGISTER) {
        return insn_register(reader, modrm, more);
    }
    if (operand == COUNT_REGISTER) {
        return REG_CX;
    }
    more->is_immediate = 1;
    if (operand == IMMEDIATE) {
        more->value = (uint64_t)insn_signed_number(reader, opcode == 0x83 ? 1 : bytes);
    } else if (operand == IMMEDIATE_BYTE) {
        more->value = insn_number(reader, 1); // a count
    } else {
        more->value = operand == ONE;
    }
    return INSN_NO_REGISTER;
}

struct insn_access insn_decode_compute(struct insn_reader *reader, enum insn_group number,
                                       struct insn_more *more) {
    const struct group *group = &groups[number];
    uint8_t opcode = insn_rest(reader)[-1];
    uint8_t modrm = insn_next(reader);
    uint8_t size = group->has_bytes && !(opcode & 1) ? 1 : insn_operand_bytes(reader);
    struct insn_access access = {.form = &more->form, .base = INSN_NO_REGISTER};
    bool is_undefined = opcode == 0x82 && number == INSN_IMMEDIATE && reader->bits == 64;
    if (is_undefined || !insn_memory(reader, modrm, more, &access.base)) {
        return insn_refuse(more, INSN_OTHER);
    }
    unsigned what = operation(group, number, opcode, modrm);
    bool is_write = !group->is_to_register && !is_read_only(what);
    bool can_lock = is_write && (what < INSN_ROL || what > INSN_SAR);
    if (what == NONE || (reader->lock && !can_lock)) {
        enum insn_kind kind = what == NONE ? kind_of_rest(number, opcode, modrm) : INSN_OTHER;
        return insn_refuse(more, kind);
    }
    more->form =
        (struct insn_form){.kind = INSN_COMPUTE, .size = size, .width = size, .is_write = is_write};
    more->operation = (uint8_t)what;
    more->is_to_register = group->is_to_register;
    enum operand operand = (enum operand)group->operand;
    if (what == INSN_NOT || what == INSN_NEG) {
        operand = NOTHING;
    }
    access.reg = take_operand(reader, operand, opcode, modrm, more);
    more->form.length = (uint8_t)reader->at;
    return access;
}
