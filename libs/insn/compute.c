// x86_64's arithmetic, of one result and its flags (AMD64 architecture programmer's manual, volume
// 3, each instruction's "rFLAGS affected").
#include "libs/insn/insn.h"

// Operands of one size, and where their sign is.
struct operands {
    uint64_t left, right;
    uint64_t mask, sign;
    unsigned bits;
};

static uint64_t flag(bool is_set, enum insn_flag flag) { return is_set ? (uint64_t)flag : 0; }

// What the result alone says. The parity is that of its lowest byte.
static uint64_t of_result(const struct operands *operands, uint64_t value) {
    return flag(value & operands->sign, INSN_SF) | flag(value == 0, INSN_ZF) |
           flag(!__builtin_parityll(value & 0xff), INSN_PF);
}

static struct insn_result add(const struct operands *o, uint64_t carry) {
    uint64_t value = (o->left + o->right + carry) & o->mask;
    bool is_over = value < o->left || (carry && value == o->left);
    uint64_t changed = o->left ^ o->right ^ value;
    uint64_t overflow = ~(o->left ^ o->right) & (o->left ^ value) & o->sign;
    return (struct insn_result){value, of_result(o, value) | flag(is_over, INSN_CF) |
                                           (changed & INSN_AF) | flag(overflow, INSN_OF)};
}

static struct insn_result subtract(const struct operands *o, uint64_t borrow) {
    uint64_t value = (o->left - o->right - borrow) & o->mask;
    bool is_under = o->left < o->right || (borrow && o->left == o->right);
    uint64_t changed = o->left ^ o->right ^ value;
    uint64_t overflow = (o->left ^ o->right) & (o->left ^ value) & o->sign;
    return (struct insn_result){value, of_result(o, value) | flag(is_under, INSN_CF) |
                                           (changed & INSN_AF) | flag(overflow, INSN_OF)};
}

static struct insn_result logic(const struct operands *o, uint64_t value) {
    return (struct insn_result){value, of_result(o, value)};
}

static struct insn_result bit(enum insn_operation operation, const struct operands *o,
                              uint64_t flags) {
    uint64_t one = UINT64_C(1) << o->right % o->bits, value = o->left;
    if (operation != INSN_BT) {
        value = operation == INSN_BTS   ? value | one
                : operation == INSN_BTR ? value & ~one
                                        : value ^ one;
    }
    return (struct insn_result){value, (flags & ~(uint64_t)INSN_CF) | flag(o->left & one, INSN_CF)};
}

// One place further. The overflow is what it is said to be of a count of one.
static struct insn_result shift_once(enum insn_operation operation, const struct operands *o,
                                     uint64_t value, uint64_t carry) {
    bool is_left = operation == INSN_ROL || operation == INSN_RCL || operation == INSN_SHL;
    uint64_t out = is_left ? (value & o->sign) != 0 : value & 1, in = 0;
    if (operation == INSN_ROL || operation == INSN_ROR) {
        in = out;
    } else if (operation == INSN_RCL || operation == INSN_RCR) {
        in = carry;
    } else if (operation == INSN_SAR) {
        in = (value & o->sign) != 0;
    }
    uint64_t moved = is_left ? (value << 1 | in) & o->mask : value >> 1 | (in ? o->sign : 0);
    bool top = moved & o->sign, was_top = value & o->sign;
    bool overflow = is_left ? top != (out != 0) : top != was_top;
    return (struct insn_result){moved, flag(out, INSN_CF) | flag(overflow, INSN_OF)};
}

static struct insn_result shift(enum insn_operation operation, const struct operands *o,
                                uint64_t flags) {
    struct insn_result result = {o->left, flags};
    for (unsigned count = o->right & (o->bits == 64 ? 63 : 31); count > 0; count--) {
        result = shift_once(operation, o, result.value, result.flags & INSN_CF);
    }
    if ((o->right & (o->bits == 64 ? 63 : 31)) == 0) {
        return result;
    }
    bool is_rotation = operation <= INSN_RCR;
    const uint64_t kept = INSN_PF | INSN_AF | INSN_ZF | INSN_SF;
    result.flags |= is_rotation ? flags & kept : of_result(o, result.value);
    return result;
}

// By one; the carry stays.
static struct insn_result step(struct insn_result result, uint64_t flags) {
    const uint64_t carry = INSN_CF;
    result.flags = (result.flags & ~carry) | (flags & carry);
    return result;
}

struct insn_result insn_compute(enum insn_operation operation, unsigned size, uint64_t left,
                                uint64_t right, uint64_t flags) {
    const struct operands o = {left, right, UINT64_MAX >> (64 - 8 * size),
                               UINT64_C(1) << (8 * size - 1), 8 * size};
    const struct operands negated = {0, left, o.mask, o.sign, o.bits};
    flags &= INSN_FLAGS;
    switch (operation) {
    case INSN_ADD:
    case INSN_XADD:
        return add(&o, 0);
    case INSN_ADC:
        return add(&o, flags & INSN_CF);
    case INSN_SUB:
    case INSN_CMP:
    case INSN_CMPXCHG:
        return subtract(&o, 0);
    case INSN_SBB:
        return subtract(&o, flags & INSN_CF);
    case INSN_OR:
        return logic(&o, left | right);
    case INSN_AND:
    case INSN_TEST:
        return logic(&o, left & right);
    case INSN_XOR:
        return logic(&o, left ^ right);
    case INSN_SAL:
        return shift(INSN_SHL, &o, flags);
    case INSN_ROL:
    case INSN_ROR:
    case INSN_RCL:
    case INSN_RCR:
    case INSN_SHL:
    case INSN_SHR:
    case INSN_SAR:
        return shift(operation, &o, flags);
    case INSN_BT:
    case INSN_BTS:
    case INSN_BTR:
    case INSN_BTC:
        return bit(operation, &o, flags);
    case INSN_NOT:
        return (struct insn_result){~left & o.mask, flags};
    case INSN_NEG:
        return subtract(&negated, 0);
    case INSN_INC:
        return step(add(&o, 0), flags);
    case INSN_DEC:
        return step(subtract(&o, 0), flags);
    case INSN_XCHG:
    case INSN_OPERATIONS:
        break;
    }
    return (struct insn_result){right, flags};
}

bool insn_takes_flags(enum insn_operation operation) {
    switch (operation) {
    case INSN_ADC:
    case INSN_SBB:
    case INSN_INC:
    case INSN_DEC:
    case INSN_NOT:
    case INSN_XCHG:
        return true;
    default:
        return operation >= INSN_ROL && operation <= INSN_BTC;
    }
}
