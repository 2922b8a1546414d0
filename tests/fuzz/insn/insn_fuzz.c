// No word makes the decoder misbehave: what it answers is an access that can be done, or a refusal
// that has a name; and it never takes for an access what the manual's opcode map says is none.
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libs/insn/insn.h"

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

// The opcode map, said the long way: unprivileged specification, tables 24.1 and 16.5 to 16.7.
static bool may_access(uint32_t word) {
    if ((word & 3) == 3) {
        return (word & 0x7f) == 0x03 || (word & 0x7f) == 0x23;
    }
    uint32_t funct3 = word >> 13 & 7;
    return (word & 3) != 1 && (funct3 == 2 || funct3 == 3 || funct3 == 6 || funct3 == 7);
}

static void check(uint32_t word) {
    struct insn_access access = insn_decode(word);
    const struct insn_form *form = access.form;
    require(form->kind < INSN_COUNT && access.reg < 32);
    if (form->kind != INSN_ACCESS) {
        require(form->size == 0);
        return;
    }
    require(may_access(word));
    require(form->size != 0 && form->size <= 8 && (form->size & (form->size - 1)) == 0);
    require(form->length == ((word & 3) == 3 ? 4 : 2));
    require(!(form->is_write && form->sign_extend));
    require(form->sign_extend == 0 || form->size < 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint32_t word = 0;
    for (; size >= sizeof(word); data += sizeof(word), size -= sizeof(word)) {
        memcpy(&word, data, sizeof(word));
        check(word);
    }
    return 0;
}
