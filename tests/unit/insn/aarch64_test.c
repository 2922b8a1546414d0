// aarch64's decoder agrees with LLVM's disassembler on which instructions access memory, and how;
// and what hardware says of an access is taken as the manual says it.

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "libs/insn/insn.h"

// Made by expect_aarch64.py: what it takes to be said of each, in two numbers.
static const uint64_t expected[] = {
#include "insn_expected_aarch64.h"
};

#define COUNT (sizeof(expected) / sizeof(expected[0]) / 2)

enum { INVALID = 15 };

static uint32_t field(uint64_t number, unsigned low, unsigned bits) {
    return (uint32_t)(number >> low & ((1u << bits) - 1));
}

static void expect_kind(uint32_t word, uint32_t found, uint32_t wanted) {
    if (wanted == INVALID ? found == INSN_ACCESS : found != wanted) {
        fail_msg("0x%x is %s, not kind %u", word, insn_text((enum insn_kind)found), wanted);
    }
}

static void expect_access(const struct insn_access *access, const uint64_t *e) {
    const struct insn_form *form = access->form;
    bool is_literal = (e[0] & 0x3b000000) == 0x18000000;
    bool right = form->size == field(e[0], 36, 4) && form->is_write == field(e[0], 40, 1) &&
                 form->sign_extend == field(e[0], 41, 1) && form->width == field(e[0], 42, 4) &&
                 form->writes_base == field(e[0], 58, 1) && form->is_pair == field(e[0], 59, 1) &&
                 form->length == 4 && access->reg == field(e[0], 48, 5) &&
                 (is_literal || access->base == field(e[0], 53, 5)) &&
                 access->second == field(e[1], 32, 5) &&
                 (uint16_t)access->step == field(e[1], 0, 16) &&
                 (uint16_t)access->offset == field(e[1], 16, 16);
    if (!right) {
        fail_msg("0x%x: size %u write %u sign %u to %u pair %u writes base %u, x%u x%u, base %u "
                 "offset %d step %d",
                 (uint32_t)e[0], form->size, form->is_write, form->sign_extend, form->width,
                 form->is_pair, form->writes_base, access->reg, access->second, access->base,
                 access->offset, access->step);
    }
}

static void test_agrees_with_the_disassembler(void **state) {
    (void)state;
    unsigned found[INSN_COUNT] = {0}, pairs = 0, written = 0;
    for (size_t i = 0; i < COUNT; i++) {
        const uint64_t *e = &expected[2 * i];
        struct insn_access access = insn_decode((uint32_t)e[0]);
        expect_kind((uint32_t)e[0], access.form->kind, field(e[0], 32, 4));
        found[access.form->kind]++;
        if (access.form->kind == INSN_ACCESS) {
            expect_access(&access, e);
            pairs += access.form->is_pair;
            written += access.form->writes_base;
        }
    }
    // All kinds were among them, but those that there are not.
    assert_true(found[INSN_ACCESS] > 5000 && pairs > 500 && written > 500);
    for (unsigned kind = 0; kind < INSN_COUNT; kind++) {
        bool is_other_machines = kind == INSN_LONG || kind > INSN_OTHER;
        assert_true(is_other_machines ? found[kind] == 0 : found[kind] > 50);
    }
}

// Assembled by llvm-mc, and read by a person.
static void test_of_each_kind_one(void **state) {
    (void)state;
    static const struct {
        uint32_t word;
        enum insn_kind kind;
        uint8_t size, is_write, sign_extend, width, reg, second, base;
        int16_t offset, step;
    } cases[] = {
        {0xb9400420, INSN_ACCESS, 4, 0, 0, 8, 0, 0, 1, 0, 0},        // ldr w0, [x1, #4]
        {0xf90007e2, INSN_ACCESS, 8, 1, 0, 8, 2, 0, 31, 0, 0},       // str x2, [sp, #8]
        {0x38c00020, INSN_ACCESS, 1, 0, 1, 4, 0, 0, 1, 0, 0},        // ldursb w0, [x1]
        {0x78801c20, INSN_ACCESS, 2, 0, 1, 8, 0, 0, 1, 0, 1},        // ldrsh x0, [x1, #1]!
        {0xb8004c3f, INSN_ACCESS, 4, 1, 0, 8, 31, 0, 1, 0, 4},       // str wzr, [x1, #4]!
        {0xf85f8403, INSN_ACCESS, 8, 0, 0, 8, 3, 0, 0, 0, -8},       // ldr x3, [x0], #-8
        {0x28c10440, INSN_ACCESS, 4, 0, 0, 8, 0, 1, 2, 0, 8},        // ldp w0, w1, [x2], #8
        {0xa9bf7bfd, INSN_ACCESS, 8, 1, 0, 8, 29, 30, 31, -16, -16}, // stp x29, x30, [sp, #-16]!
        {0x69410440, INSN_ACCESS, 4, 0, 1, 8, 0, 1, 2, 8, 0},        // ldpsw x0, x1, [x2, #8]
        {0xb8627820, INSN_ACCESS, 4, 0, 0, 8, 0, 0, 1, 0, 0},        // ldr w0, [x1, x2, lsl #2]
        {0x88dffc20, INSN_ACCESS, 4, 0, 0, 8, 0, 0, 1, 0, 0},        // ldar w0, [x1]
        {0xc89ffc20, INSN_ACCESS, 8, 1, 0, 8, 0, 0, 1, 0, 0},        // stlr x0, [x1]
        {0x885f7c20, INSN_EXCLUSIVE, 0, 0, 0, 0, 0, 0, 0, 0, 0},     // ldxr w0, [x1]
        {0xb8200041, INSN_ATOMIC, 0, 0, 0, 0, 0, 0, 0, 0, 0},        // ldadd w0, w1, [x2]
        {0x88a07c41, INSN_ATOMIC, 0, 0, 0, 0, 0, 0, 0, 0, 0},        // cas w0, w1, [x2]
        {0x3dc00020, INSN_FLOAT, 0, 0, 0, 0, 0, 0, 0, 0, 0},         // ldr q0, [x1]
        {0xd50b7420, INSN_CACHE, 0, 0, 0, 0, 0, 0, 0, 0, 0},         // dc zva, x0
        {0xf8400421, INSN_UNPREDICTABLE, 0, 0, 0, 0, 0, 0, 0, 0, 0}, // ldr x1, [x1], #0
        {0xd503201f, INSN_OTHER, 0, 0, 0, 0, 0, 0, 0, 0, 0},         // nop
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct insn_access access = insn_decode(cases[i].word);
        assert_int_equal(access.form->kind, cases[i].kind);
        assert_int_equal(access.form->size, cases[i].size);
        assert_int_equal(access.form->is_write, cases[i].is_write);
        assert_int_equal(access.form->sign_extend, cases[i].sign_extend);
        assert_int_equal(access.form->width, cases[i].width);
        assert_int_equal(access.reg, cases[i].reg);
        assert_int_equal(access.second, cases[i].second);
        assert_int_equal(access.base, cases[i].base);
        assert_int_equal(access.offset, cases[i].offset);
        assert_int_equal(access.step, cases[i].step);
    }
    assert_int_equal(insn_zero, 31);
}

#define IL (1u << 25) // of the ESR, as VALID
#define ISV (1u << 24)
#define SAS(size) ((size) << 22)
#define SSE (1u << 21)
#define SRT(reg) ((uint32_t)(reg) << 16)
#define SF (1u << 15)
#define AR (1u << 14)
#define CM (1u << 8)
#define S1PTW (1u << 7)
#define WNR (1u << 6)
#define VALID (1u << 31) // part of the class
#define TRANSLATION_3 7u // DFSC: translation fault, level 3

static void test_decodes_what_hardware_gives(void **state) {
    (void)state;
    for (uint32_t n = 0; n < 4 * 2 * 2 * 2 * 2 * 32 * 2; n++) {
        uint32_t size = n & 3, sign = n >> 2 & 1, wide = n >> 3 & 1, write = n >> 4 & 1;
        uint32_t ordered = n >> 5 & 1, reg = n >> 6 & 31, is_short = n >> 11;
        uint32_t iss = ISV | SAS(size) | (sign ? SSE : 0) | SRT(reg) | (wide ? SF : 0) |
                       (ordered ? AR : 0) | (write ? WNR : 0) | TRANSLATION_3 | (is_short ? 0 : IL);
        struct insn_access access = insn_decode_given(VALID | iss);
        assert_int_equal(access.form->kind, INSN_ACCESS);
        assert_int_equal(access.form->size, 1u << size);
        assert_int_equal(access.form->is_write, write);
        assert_int_equal(access.form->sign_extend, sign && !write);
        if (sign && !write) {
            assert_int_equal(access.form->width, wide ? 8 : 4);
        }
        assert_int_equal(access.form->length, is_short ? 2 : 4);
        assert_int_equal(access.form->is_pair, 0);
        assert_int_equal(access.form->writes_base, 0);
        assert_int_equal(access.reg, reg);
    }
    assert_int_equal(insn_decode_given(VALID | TRANSLATION_3 | WNR).form->kind, INSN_OTHER);
    assert_int_equal(insn_decode_given(VALID | ISV | CM | WNR).form->kind, INSN_CACHE);
}

// Where both say something, they say the same.
static void test_the_instruction_and_the_hardware_agree(void **state) {
    (void)state;
    unsigned compared = 0;
    for (size_t i = 0; i < COUNT; i++) {
        struct insn_access access = insn_decode((uint32_t)expected[2 * i]);
        const struct insn_form *form = access.form;
        if (form->kind != INSN_ACCESS || form->is_pair || form->writes_base) {
            continue;
        }
        uint32_t size = (uint32_t)__builtin_ctz(form->size);
        uint32_t iss = ISV | SAS(size) | (form->sign_extend ? SSE : 0) | SRT(access.reg) |
                       (form->width == 8 ? SF : 0) | (form->is_write ? WNR : 0);
        struct insn_access given = insn_decode_given(VALID | iss);
        assert_int_equal(given.form->size, form->size);
        assert_int_equal(given.form->is_write, form->is_write);
        assert_int_equal(given.form->sign_extend, form->sign_extend);
        assert_int_equal(given.form->width, form->width);
        assert_int_equal(given.reg, access.reg);
        compared++;
    }
    assert_true(compared > 4000);
}

static void test_every_kind_has_a_text(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < INSN_COUNT; kind++) {
        assert_string_not_equal(insn_text((enum insn_kind)kind), "?");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_the_disassembler),
        cmocka_unit_test(test_of_each_kind_one),
        cmocka_unit_test(test_decodes_what_hardware_gives),
        cmocka_unit_test(test_the_instruction_and_the_hardware_agree),
        cmocka_unit_test(test_every_kind_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
