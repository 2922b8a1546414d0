// No word makes aarch64's decoder misbehave: what it answers is an access that can be done, or a
// refusal that has a name; and it never takes for an access what is none by the manual's table of
// the classes of instructions (Arm DDI 0487, C4.1). The same for what hardware says.
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libs/insn/insn.h"

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

static void check_form(struct insn_access access, unsigned length) {
    const struct insn_form *form = access.form;
    require(form->kind < INSN_COUNT && access.reg < 32 && access.second < 32 && access.base < 32);
    if (form->kind != INSN_ACCESS) {
        require(form->size == 0);
        return;
    }
    require(form->size != 0 && form->size <= 8 && (form->size & (form->size - 1)) == 0);
    require(form->length == length);
    require(form->width == 8 || form->width == 4);
    require(!(form->is_write && form->sign_extend && form->writes_base));
    require(form->writes_base || access.step == 0);
    require(form->is_pair || (access.offset == 0 && access.second == 0));
}

static void check(uint32_t word) {
    struct insn_access access = insn_decode(word);
    check_form(access, 4);
    if (access.form->kind == INSN_ACCESS) {
        // Loads and stores, not vectors.
        require((word & 0x0a000000) == 0x08000000 && !(word & 1u << 26));
        // A load into the register that it reads the address from leaves no doubt.
        require(!(access.form->writes_base && access.reg == access.base && access.reg != 31));
        // An address that is written is never far away.
        require(access.step >= -512 && access.step <= 504);
    }
    check_form(insn_decode_given(word), word & 1u << 25 ? 4 : 2); // IL
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
