// riscv64's decoder agrees with LLVM's disassembler on which instructions access memory, and how.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "libs/insn/insn.h"

// Made by expect_riscv64.py: what it takes to be said of each.
static const uint64_t expected[] = {
#include "insn_expected_riscv64.h"
};

#define COUNT (sizeof(expected) / sizeof(expected[0]))

enum { INVALID = 15 };

static uint32_t field(uint64_t number, unsigned low, unsigned bits) {
    return (uint32_t)(number >> low & ((1u << bits) - 1));
}

static void test_agrees_with_the_disassembler(void **state) {
    (void)state;
    unsigned accesses = 0;
    unsigned refused[INSN_COUNT] = {0};
    for (size_t i = 0; i < COUNT; i++) {
        uint64_t e = expected[i];
        struct insn_access access = insn_decode((uint32_t)e);
        uint32_t kind = field(e, 32, 4);
        if (kind == INVALID ? access.form->kind == INSN_ACCESS : access.form->kind != kind) {
            fail_msg("0x%x is %s, not kind %u", (uint32_t)e,
                     insn_text((enum insn_kind)access.form->kind), kind);
        }
        if (kind != INSN_ACCESS) {
            refused[access.form->kind]++;
            continue;
        }
        accesses++;
        if (access.form->size != field(e, 36, 4) || access.form->is_write != field(e, 40, 1) ||
            access.form->sign_extend != field(e, 41, 1) || access.form->length != field(e, 42, 4) ||
            access.reg != field(e, 48, 5)) {
            fail_msg("0x%x: size %u write %u sign %u length %u x%u", (uint32_t)e, access.form->size,
                     access.form->is_write, access.form->sign_extend, access.form->length,
                     (unsigned)access.reg);
        }
    }
    // All kinds were among them.
    assert_true(accesses > 10000);
    static const enum insn_kind kinds[] = {INSN_FLOAT, INSN_ATOMIC, INSN_CACHE, INSN_LONG,
                                           INSN_OTHER};
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        assert_true(refused[kinds[i]] > 50);
    }
}

// What hardware gives is the same instruction with its address taken out.
static void test_decodes_what_hardware_gives(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        uint32_t word = (uint32_t)expected[i];
        struct insn_access access = insn_decode(word), given = insn_decode_given(word);
        if (access.form->kind != INSN_ACCESS || access.form->length != 4) {
            continue;
        }
        assert_ptr_equal(given.form, access.form);
        assert_int_equal(given.reg, access.reg);
        // It was a compressed one when bit 1 is clear.
        given = insn_decode_given(word & ~2u);
        assert_int_equal(given.form->length, 2);
        assert_int_equal(given.reg, access.reg);
        assert_int_equal(given.form->size, access.form->size);
        assert_int_equal(given.form->is_write, access.form->is_write);
        assert_int_equal(given.form->sign_extend, access.form->sign_extend);
    }
    assert_int_equal(insn_decode_given(0x3000).form->kind, INSN_OTHER); // a walk's read
    assert_int_equal(insn_decode_given(0x53).form->kind, INSN_OTHER);
}

// What stands behind a compressed instruction in memory is not part of it.
static void test_ignores_what_follows_a_compressed_instruction(void **state) {
    (void)state;
    for (uint32_t low = 0; low < 0x10000; low++) {
        if ((low & 3) != 3) {
            struct insn_access alone = insn_decode(low);
            struct insn_access followed = insn_decode(low | 0xa5c30000u);
            assert_ptr_equal(alone.form, followed.form);
            assert_int_equal(alone.reg, followed.reg);
        }
    }
}

static void test_always_answers_something_that_can_be_used(void **state) {
    (void)state;
    uint32_t word = 1;
    for (unsigned i = 0; i < 2000000; i++) {
        word = word * 1664525u + 1013904223u;
        struct insn_access access = insn_decode(word);
        const struct insn_form *form = access.form;
        assert_true(form->kind < INSN_COUNT);
        assert_true(access.reg < 32);
        if (form->kind == INSN_ACCESS) {
            assert_true(form->size == 1 || form->size == 2 || form->size == 4 || form->size == 8);
            assert_true(form->length == 2 || form->length == 4);
        }
    }
}

static void test_every_kind_has_a_text(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < INSN_COUNT; kind++) {
        assert_string_not_equal(insn_text((enum insn_kind)kind), "?");
    }
    assert_string_equal(insn_text(INSN_COUNT), "?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_the_disassembler),
        cmocka_unit_test(test_decodes_what_hardware_gives),
        cmocka_unit_test(test_ignores_what_follows_a_compressed_instruction),
        cmocka_unit_test(test_always_answers_something_that_can_be_used),
        cmocka_unit_test(test_every_kind_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
