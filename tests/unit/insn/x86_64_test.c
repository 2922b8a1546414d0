// x86_64's decoder agrees with LLVM's disassembler on what is a move to or from memory, on all its
// parts and on its length, in 64-, 32- and 16-bit code; and it says when it needs more bytes.

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "libs/insn/insn.h"

#define REFUSED 255 // for whatever reason

struct expected {
    uint8_t byte[INSN_BYTES];
    uint8_t bits, length, kind, is_memory;
    uint8_t size, is_write, sign_extend, width, reg, is_high, is_immediate;
    uint8_t operation, is_to_register;
    uint8_t base, index, scale, segment;
    uint8_t address_bytes; // 0: not known
    int64_t displacement;
    uint64_t value;
};

// Made by expect_x86_64.py.
static const struct expected expected[] = {
#include "insn_expected_x86_64.h"
};

#define COUNT (sizeof(expected) / sizeof(expected[0]))

static struct insn_access decode(const uint8_t *byte, uint32_t count, uint32_t bits,
                                 struct insn_more *more) {
    struct insn_code code = {.count = count, .bits = bits};
    memcpy(code.byte, byte, count);
    return insn_decode_code(&code, more);
}

static void fail_about(const struct expected *e, const char *what) {
    char text[3 * INSN_BYTES + 1];
    for (unsigned i = 0; i < INSN_BYTES; i++) {
        (void)snprintf(&text[3 * (size_t)i], 4, "%02x ", e->byte[i]);
    }
    fail_msg("%s(%u bits): %s", text, e->bits, what);
}

static uint64_t mask(unsigned bytes) { return UINT64_MAX >> (64 - 8 * bytes); }

static void expect_address(const struct expected *e, struct insn_access access,
                           const struct insn_more *more) {
    unsigned bytes = e->address_bytes ? e->address_bytes : more->address_bytes;
    if (access.base != e->base || more->index != e->index || more->segment != e->segment ||
        (e->index != INSN_NO_REGISTER && more->scale != e->scale) || more->address_bytes != bytes) {
        fail_about(e, "its address has other parts");
    }
    if ((((uint64_t)more->displacement ^ (uint64_t)e->displacement) & mask(bytes)) != 0) {
        fail_about(e, "its displacement is another one");
    }
}

static void expect_access(const struct expected *e, struct insn_access access,
                          const struct insn_more *more) {
    const struct insn_form *form = access.form;
    assert_ptr_equal(form, &more->form);
    if (form->size != e->size || form->is_write != e->is_write ||
        (e->sign_extend && e->size < e->width) != (form->sign_extend && form->size < form->width) ||
        form->width != e->width || form->length != e->length || form->is_pair ||
        form->writes_base || access.step != 0) {
        fail_about(e, "it has another form");
    }
    if (more->operation != e->operation || more->is_to_register != e->is_to_register) {
        fail_about(e, "it computes something else");
    }
    if (access.reg != e->reg || more->is_high != e->is_high ||
        more->is_immediate != e->is_immediate || ((more->value ^ e->value) & mask(e->size)) != 0) {
        fail_about(e, "its other operand is another one");
    }
    expect_address(e, access, more);
}

static bool is_done(unsigned kind) { return kind == INSN_ACCESS || kind == INSN_COMPUTE; }

static void test_agrees_with_the_disassembler(void **state) {
    (void)state;
    unsigned moves[3] = {0}, computes[3] = {0}, refusals = 0;
    for (size_t i = 0; i < COUNT; i++) {
        const struct expected *e = &expected[i];
        struct insn_more more;
        struct insn_access access = decode(e->byte, INSN_BYTES, e->bits, &more);
        unsigned kind = access.form->kind;
        if (e->kind == REFUSED ? is_done(kind) : kind != e->kind) {
            fail_about(e, insn_text((enum insn_kind)kind));
        }
        if (e->is_memory && kind == INSN_OTHER) {
            fail_about(e, "it does access memory");
        }
        if (is_done(kind)) {
            expect_access(e, access, &more);
            (kind == INSN_ACCESS ? moves : computes)[e->bits / 32]++;
        } else {
            refusals++;
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_true(moves[i] > 800 && computes[i] > 400);
    }
    assert_true(refusals > 3000);
}

static void test_says_when_it_is_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        const struct expected *e = &expected[i];
        struct insn_more more;
        if (!is_done(e->kind)) {
            continue;
        }
        for (uint32_t count = 0; count < e->length; count++) {
            if (decode(e->byte, count, e->bits, &more).form->kind != INSN_CUT) {
                fail_about(e, "cut off, it was not said so");
            }
        }
        expect_access(e, decode(e->byte, e->length, e->bits, &more), &more);
    }
}

// Read by a person.
static void test_what_is_no_move(void **state) {
    (void)state;
    static const struct {
        uint8_t byte[INSN_BYTES];
        uint8_t bits;
        uint8_t kind;
    } cases[] = {
        {{0xf0, 0x89, 0x07}, 64, INSN_OTHER},       // lock mov: undefined
        {{0xf0, 0x03, 0x07}, 64, INSN_OTHER},       // lock add eax, [rdi]: undefined
        {{0xf0, 0x39, 0x07}, 64, INSN_OTHER},       // lock cmp [rdi], eax: undefined
        {{0xf0, 0xd1, 0x27}, 64, INSN_OTHER},       // lock shl dword [rdi]: undefined
        {{0x01, 0xc7}, 64, INSN_OTHER},             // add edi, eax
        {{0x82, 0x07}, 64, INSN_OTHER},             // undefined in 64-bit code
        {{0xf7, 0x27}, 64, INSN_ARITHMETIC},        // mul dword [rdi]
        {{0xff, 0x17}, 64, INSN_MEMORY},            // call [rdi]
        {{0xff, 0x3f}, 64, INSN_OTHER},             // undefined
        {{0x0f, 0xba, 0x07}, 64, INSN_OTHER},       // undefined
        {{0x0f, 0xc7, 0x0f}, 64, INSN_ATOMIC},      // cmpxchg8b [rdi]
        {{0xf3, 0xab}, 64, INSN_STRING},            // rep stosd
        {{0x0f, 0x11, 0x07}, 64, INSN_FLOAT},       // movups [rdi], xmm0
        {{0xc5, 0xf8, 0x11, 0x07}, 64, INSN_FLOAT}, // vmovups [rdi], xmm0
        {{0x66, 0x0f, 0xc3, 0x07}, 64, INSN_OTHER}, // movnti with a prefix: undefined
        {{0x63, 0x07}, 32, INSN_MEMORY},            // arpl
        {{0xc7, 0x0f}, 64, INSN_OTHER},             // group 11 has one member
        {{0x8b, 0xc7}, 64, INSN_OTHER},             // mov eax, edi
        {{0x8c, 0x07}, 64, INSN_MEMORY},            // mov [rdi], es
        {{0x0f, 0x0b}, 64, INSN_OTHER},             // ud2
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct insn_more more;
        assert_int_equal(decode(cases[i].byte, INSN_BYTES, cases[i].bits, &more).form->kind,
                         cases[i].kind);
    }
}

static void test_locked(void **state) {
    (void)state;
    static const struct {
        uint8_t byte[INSN_BYTES];
        uint8_t operation;
    } cases[] = {
        {{0xf0, 0x01, 0x07}, INSN_ADD},           // lock add [rdi], eax
        {{0xf0, 0x83, 0x0f, 0x01}, INSN_OR},      // lock or dword [rdi], 1
        {{0xf0, 0xff, 0x0f}, INSN_DEC},           // lock dec dword [rdi]
        {{0xf0, 0xf7, 0x1f}, INSN_NEG},           // lock neg dword [rdi]
        {{0xf0, 0x0f, 0xab, 0x07}, INSN_BTS},     // lock bts [rdi], eax
        {{0xf0, 0x87, 0x07}, INSN_XCHG},          // lock xchg [rdi], eax
        {{0xf0, 0x0f, 0xb1, 0x07}, INSN_CMPXCHG}, // lock cmpxchg [rdi], eax
        {{0xf0, 0x0f, 0xc1, 0x07}, INSN_XADD},    // lock xadd [rdi], eax
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct insn_more more;
        struct insn_access access = decode(cases[i].byte, INSN_BYTES, 64, &more);
        assert_int_equal(access.form->kind, INSN_COMPUTE);
        assert_true(access.form->is_write);
        assert_int_equal(more.operation, cases[i].operation);
    }
}

// Prefixes count towards the limit of 15 bytes (1.1), a repeat prefix does not change a move, and a
// REX that is not the last prefix is none (1.2.7).
static void test_prefixes(void **state) {
    (void)state;
    uint8_t byte[INSN_BYTES];
    struct insn_more more;
    memset(byte, 0x66, sizeof(byte));
    assert_int_equal(decode(byte, INSN_BYTES, 64, &more).form->kind, INSN_OTHER);
    byte[13] = 0x8b;
    byte[14] = 0x07; // mov ax, [rdi], 15 bytes
    struct insn_access access = decode(byte, INSN_BYTES, 64, &more);
    assert_int_equal(access.form->kind, INSN_ACCESS);
    assert_int_equal(access.form->length, 15);
    assert_int_equal(access.form->size, 2);
    byte[14] = 0x47; // one byte more
    assert_int_equal(decode(byte, INSN_BYTES, 64, &more).form->kind, INSN_OTHER);
    const uint8_t repeated[INSN_BYTES] = {0xf3, 0x48, 0x8b, 0x07}; // rep mov rax, [rdi]
    access = decode(repeated, INSN_BYTES, 64, &more);
    assert_int_equal(access.form->size, 8);
    assert_int_equal(access.form->length, 4);
    const uint8_t early[INSN_BYTES] = {0x4f, 0x66, 0x8b, 0x07}; // mov ax, [rdi]
    access = decode(early, INSN_BYTES, 64, &more);
    assert_int_equal(access.form->size, 2);
    assert_int_equal(access.form->length, 4);
    assert_int_equal(access.base, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_the_disassembler),
        cmocka_unit_test(test_says_when_it_is_cut),
        cmocka_unit_test(test_what_is_no_move),
        cmocka_unit_test(test_locked),
        cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
