// Where instructions are words, or the hardware says what an access does: riscv64, aarch64.
#include "servers/npf-pager/emulate.h"

code_computer *const code_compute = NULL;

enum code_found code_read(struct pager *pager, const struct message *record,
                          const struct pager_access **found) {
    struct pager_access *access = &pager->decoded;
    uint64_t given = record->word[3];
    if (given != 0 && record->word[1] == ACCESS_WRITE) {
        access = &pager->stored;
    }
    *found = access;
    if (given != 0) {
        // No instruction that could be fetched has that number.
        if (given != access->given) {
            emulate_keep(access, insn_decode_given((uint32_t)given), RT_NO_INSTRUCTION - 1, given);
        }
        return CODE_DECODED;
    }
    uint64_t instruction = rt_guest_fetch(record->pc);
    if (instruction == RT_NO_INSTRUCTION) {
        return CODE_GONE;
    }
    if (instruction != access->instruction) {
        emulate_keep(access, insn_decode((uint32_t)instruction), instruction, 0);
    }
    return CODE_DECODED;
}

void code_quick_load(uint64_t pc, uint64_t address, uint64_t word2) {
    const struct pager_access *access = &pager.decoded;
    (void)word2;
    if (rt_guest_fetch(pc) == access->instruction && emulate_is_aligned(access, address)) {
        emulate_reply(access, emulate_read(&pager, address));
    }
    rt_handle_rest(address, ACCESS_READ, 0, 0, 0, 0, 0, 0); // of the others none is looked at
}
