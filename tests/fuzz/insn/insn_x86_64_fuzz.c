// No bytes make x86_64's decoder misbehave: what it answers is an access that can be done, or a
// refusal that has a name. With fewer bytes it says the same or that they are too few, and bytes
// behind an instruction do not change it.
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libs/insn/insn.h"

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

static bool is_size(uint8_t size) { return size == 1 || size == 2 || size == 4 || size == 8; }

static bool is_register(uint8_t reg) { return reg < 16 || reg == INSN_NO_REGISTER; }

static void check_access(const struct insn_code *code, struct insn_access access,
                         const struct insn_more *more) {
    const struct insn_form *form = access.form;
    require(is_size(form->size) && is_size(form->width) && form->size <= form->width);
    require(form->length > 1 && form->length <= INSN_BYTES && form->length <= code->count);
    require(!form->is_pair && !form->writes_base && !(form->is_write && form->sign_extend));
    require(more->is_immediate ? access.reg == INSN_NO_REGISTER : access.reg < 16);
    require(form->kind == INSN_COMPUTE || form->is_write || !more->is_immediate);
    require(more->operation < INSN_OPERATIONS && !(more->is_to_register && form->is_write));
    require(!more->is_high || (form->width == 1 && access.reg < 4));
    require((is_register(access.base) || access.base == INSN_PC) && is_register(more->index));
    require(more->scale < 4 && more->segment <= INSN_GS && is_size(more->address_bytes));
    require(code->bits == 64 || (form->size < 8 && more->address_bytes < 8));
}

static bool is_same_form(const struct insn_form *a, const struct insn_form *b) {
    return a->kind == b->kind && a->size == b->size && a->is_write == b->is_write &&
           a->sign_extend == b->sign_extend && a->width == b->width && a->length == b->length;
}

static bool is_done(const struct insn_form *form) {
    return form->kind == INSN_ACCESS || form->kind == INSN_COMPUTE;
}

static bool is_same_place(const struct insn_more *a, const struct insn_more *b) {
    return a->index == b->index && a->scale == b->scale && a->segment == b->segment &&
           a->address_bytes == b->address_bytes && a->displacement == b->displacement;
}

static bool is_same(const struct insn_access *a, const struct insn_more *more_of_a,
                    const struct insn_access *b, const struct insn_more *more_of_b) {
    return a->reg == b->reg && a->base == b->base && is_same_form(a->form, b->form) &&
           is_same_place(more_of_a, more_of_b) && more_of_a->is_high == more_of_b->is_high &&
           more_of_a->is_immediate == more_of_b->is_immediate &&
           more_of_a->value == more_of_b->value && more_of_a->operation == more_of_b->operation &&
           more_of_a->is_to_register == more_of_b->is_to_register;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint32_t bits[] = {64, 32, 16, 64};
    struct insn_code code = {.count = INSN_BYTES};
    struct insn_more more, more_of_part;
    if (size < 2) {
        return 0;
    }
    code.bits = bits[data[0] & 3];
    size = size - 1 < INSN_BYTES ? size - 1 : INSN_BYTES;
    memcpy(code.byte, data + 1, size);
    struct insn_access access = insn_decode_code(&code, &more);
    require(access.form == &more.form && more.form.kind < INSN_COUNT);
    require(more.form.kind != INSN_CUT); // there are no longer ones
    if (is_done(&more.form)) {
        check_access(&code, access, &more);
    }
    for (code.count = 0; code.count < INSN_BYTES; code.count++) {
        struct insn_access part = insn_decode_code(&code, &more_of_part);
        bool is_enough = is_done(&more.form) && code.count >= more.form.length;
        require(is_same(&part, &more_of_part, &access, &more) ||
                (!is_enough && more_of_part.form.kind == INSN_CUT));
    }
    return 0;
}
