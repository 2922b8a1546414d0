// x86_64's arithmetic is what a reference says that goes bit by bit: for all operands of 8 bits,
// and for many of the other sizes. (The reference's own oracle is a CPU: the guest `compute` does
// the same to memory and to device registers.)

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "libs/insn/insn.h"

struct reference {
    uint64_t value;
    uint64_t flags;
    uint64_t undefined; // flags that may be anything
};

static bool at(uint64_t value, unsigned bit) { return bit < 64 && (value >> bit & 1); }

static uint64_t result_flags(uint64_t value, unsigned bits) {
    unsigned ones = 0;
    for (unsigned i = 0; i < 8; i++) {
        ones += at(value, i);
    }
    return (ones % 2 == 0 ? INSN_PF : 0) | (value == 0 ? INSN_ZF : 0) |
           (at(value, bits - 1) ? INSN_SF : 0);
}

// A row of full adders.
static struct reference ripple(uint64_t left, uint64_t right, bool carry, unsigned bits) {
    struct reference result = {0};
    bool half = false, last = false;
    for (unsigned i = 0; i < bits; i++) {
        unsigned sum = at(left, i) + at(right, i) + carry;
        last = carry;
        carry = sum > 1;
        result.value |= (uint64_t)(sum & 1) << i;
        half = i == 3 ? carry : half;
    }
    result.flags = result_flags(result.value, bits) | (carry ? INSN_CF : 0) | (half ? INSN_AF : 0) |
                   (carry != last ? INSN_OF : 0);
    return result;
}

// By adding what was inverted: then a borrow is that there is no carry.
static struct reference borrow(uint64_t left, uint64_t right, bool carry, unsigned bits) {
    struct reference result = ripple(left, ~right, !carry, bits);
    result.flags ^= INSN_CF | INSN_AF;
    return result;
}

static struct reference logic(uint64_t value, unsigned bits) {
    return (struct reference){value, result_flags(value, bits), INSN_AF};
}

static struct reference bit(enum insn_operation operation, uint64_t left, uint64_t right,
                            uint64_t flags, unsigned bits) {
    const uint64_t one = UINT64_C(1) << (right & (bits - 1));
    const uint64_t values[] = {left, left | one, left & ~one, left ^ one};
    const uint64_t carry = left & one ? INSN_CF : 0;
    return (struct reference){values[operation - INSN_BT],
                              carry | (flags & (INSN_FLAGS & ~INSN_CF)),
                              INSN_FLAGS & ~(INSN_CF | INSN_ZF)};
}

// The bit at PLACE behind COUNT steps of a row of BITS, or of one more where the carry is part of
// it: the carry's own place is BITS.
static bool rotated(uint64_t left, bool carry, unsigned ring, unsigned place, unsigned count) {
    unsigned from = (place + ring - count % ring) % ring;
    return from == 64 || (ring % 8 == 1 && from == ring - 1) ? carry : at(left, from);
}

static struct reference rotate(enum insn_operation operation, uint64_t left, unsigned count,
                               uint64_t flags, unsigned bits) {
    bool with_carry = operation == INSN_RCL || operation == INSN_RCR;
    bool is_right = operation == INSN_ROR || operation == INSN_RCR;
    unsigned ring = with_carry ? bits + 1 : bits;
    unsigned steps = is_right ? ring - count % ring : count;
    bool carry = flags & INSN_CF, out;
    uint64_t value = 0;
    for (unsigned i = 0; i < bits; i++) {
        value |= (uint64_t)rotated(left, carry, ring, i, steps) << i;
    }
    out = with_carry ? rotated(left, carry, ring, bits, steps) : at(value, is_right ? bits - 1 : 0);
    bool top = at(value, bits - 1);
    bool overflow = is_right ? top != at(value, bits - 2) : top != out;
    return (struct reference){value,
                              (flags & ~(uint64_t)(INSN_CF | INSN_OF)) | (out ? INSN_CF : 0) |
                                  (overflow ? INSN_OF : 0),
                              count == 1 ? 0 : INSN_OF};
}

static struct reference shift(enum insn_operation operation, uint64_t left, unsigned count,
                              unsigned bits) {
    struct reference result = {.undefined = INSN_AF | (count == 1 ? 0 : INSN_OF)};
    bool sign = at(left, bits - 1), is_left = operation == INSN_SHL || operation == INSN_SAL;
    for (unsigned i = 0; i < bits; i++) {
        int from = is_left ? (int)(i - count) : (int)(i + count);
        bool is_in = from >= 0 && from < (int)bits;
        bool filled = operation == INSN_SAR && sign;
        result.value |= (uint64_t)(is_in ? at(left, (unsigned)from) : filled) << i;
    }
    int out = is_left ? (int)(bits - count) : (int)count - 1;
    bool is_in = out >= 0 && out < (int)bits;
    bool carry = is_in ? at(left, (unsigned)out) : operation == INSN_SAR && sign;
    bool overflow = is_left ? at(result.value, bits - 1) != carry : operation == INSN_SHR && sign;
    result.flags =
        result_flags(result.value, bits) | (carry ? INSN_CF : 0) | (overflow ? INSN_OF : 0);
    result.undefined |= count > bits && operation != INSN_SAR ? INSN_CF : 0;
    return result;
}

static struct reference expect(enum insn_operation operation, unsigned bits, uint64_t left,
                               uint64_t right, uint64_t flags) {
    const uint64_t mask = UINT64_MAX >> (64 - bits);
    const bool carry = flags & INSN_CF;
    const unsigned count = right & (bits == 64 ? 63 : 31);
    struct reference result = {left, flags, 0};
    switch (operation) {
    case INSN_ADD:
    case INSN_XADD:
        return ripple(left, right, false, bits);
    case INSN_ADC:
        return ripple(left, right, carry, bits);
    case INSN_SUB:
    case INSN_CMP:
    case INSN_CMPXCHG:
        return borrow(left, right, false, bits);
    case INSN_SBB:
        return borrow(left, right, carry, bits);
    case INSN_OR:
        return logic(left | right, bits);
    case INSN_AND:
    case INSN_TEST:
        return logic(left & right, bits);
    case INSN_XOR:
        return logic(left ^ right, bits);
    case INSN_NEG:
        return borrow(0, left, false, bits);
    case INSN_NOT:
        result.value = ~left & mask;
        return result;
    case INSN_INC:
    case INSN_DEC:
        result =
            operation == INSN_INC ? ripple(left, 1, false, bits) : borrow(left, 1, false, bits);
        result.flags = (result.flags & ~(uint64_t)INSN_CF) | (flags & INSN_CF);
        return result;
    case INSN_BT:
    case INSN_BTS:
    case INSN_BTR:
    case INSN_BTC:
        return bit(operation, left, right, flags, bits);
    case INSN_XCHG:
        result.value = right;
        return result;
    default:
        if (count == 0) {
            return result;
        }
        return operation <= INSN_RCR ? rotate(operation, left, count, flags, bits)
                                     : shift(operation, left, count, bits);
    }
}

static void compare(enum insn_operation operation, unsigned bits, uint64_t left, uint64_t right,
                    uint64_t flags) {
    const bool is_step = operation == INSN_INC || operation == INSN_DEC;
    right = is_step ? 1 : right;
    struct reference wanted = expect(operation, bits, left, right, flags);
    struct insn_result found = insn_compute(operation, bits / 8, left, right, flags);
    if (found.value != wanted.value ||
        ((found.flags ^ wanted.flags) & INSN_FLAGS & ~wanted.undefined) != 0) {
        fail_msg("operation %u of %u bits, 0x%llx and 0x%llx with flags 0x%llx: 0x%llx and 0x%llx, "
                 "not 0x%llx and 0x%llx",
                 operation, bits, (unsigned long long)left, (unsigned long long)right,
                 (unsigned long long)flags, (unsigned long long)found.value,
                 (unsigned long long)found.flags, (unsigned long long)wanted.value,
                 (unsigned long long)wanted.flags);
    }
    if (found.flags & ~(uint64_t)INSN_FLAGS) {
        fail_msg("operation %u has other flags", operation);
    }
    // Who does not ask for the flags before must not need them.
    if (!insn_takes_flags(operation)) {
        struct insn_result other =
            insn_compute(operation, bits / 8, left, right, flags ^ INSN_FLAGS);
        assert_int_equal(other.flags, found.flags);
        assert_int_equal(other.value, found.value);
    }
}

static void test_all_of_8_bits(void **state) {
    (void)state;
    for (unsigned operation = 0; operation < INSN_OPERATIONS; operation++) {
        for (unsigned i = 0; i < 0x20000; i++) {
            uint64_t flags = i >> 16 ? INSN_FLAGS : 0;
            compare((enum insn_operation)operation, 8, i & 0xff, i >> 8 & 0xff, flags);
        }
    }
}

static uint64_t random_number(void) {
    static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545f4914f6cdd1d);
}

// Often at one of the ends.
static uint64_t operand(unsigned bits) {
    static const uint64_t ends[] = {0, 1, UINT64_MAX, INT64_MAX, UINT64_C(1) << 63};
    uint64_t number = random_number(), end = ends[number % 5];
    uint64_t chosen = number >> 8 & 1 ? random_number() : end >> (end > 1 ? 64 - bits : 0);
    return chosen & (UINT64_MAX >> (64 - bits));
}

static void test_other_sizes(void **state) {
    (void)state;
    for (unsigned operation = 0; operation < INSN_OPERATIONS; operation++) {
        for (unsigned bits = 16; bits <= 64; bits *= 2) {
            for (unsigned i = 0; i < 5000; i++) {
                uint64_t right = operand(bits);
                compare((enum insn_operation)operation, bits, operand(bits), right,
                        random_number() & INSN_FLAGS);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_8_bits),
        cmocka_unit_test(test_other_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
