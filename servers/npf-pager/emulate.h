// The parts of an emulated access that the short way (quick.c) and the long one (emulate.c) share.
#pragma once

#include "libs/insn/insn.h"
#include "servers/npf-pager/pager.h"

// How an architecture's instructions are read: code_word.c, code_x86_64.c.
enum code_found {
    CODE_DECODED, // pager->decoded is what exited
    CODE_GONE,    // it can't be read any more
    CODE_SPLIT,   // it is, but the access began in the page before
};
enum code_found code_read(struct pager *pager, const struct message *record);

// The short way of a load from ADDRESS, in the region that was loaded from last, by the instruction
// at PC: by the same one as last time, it is hoped. WORD2 is that of the exit.
void code_quick_load(uint64_t pc, uint64_t address, uint64_t word2);

// Keeps what INSN, which is INSTRUCTION or was GIVEN by the hardware, does.
void emulate_keep(struct pager_access *access, struct insn_access insn, uint64_t instruction,
                  uint64_t given);

// The same for no instruction at all.
void emulate_forget(struct pager_access *access);

// Register REG of the vCPU that exited.
uint64_t emulate_register(struct pager *pager, const struct message *record, unsigned reg);

ALWAYS_INLINE bool emulate_is_aligned(const struct pager_access *access, uint64_t address) {
    return (address & access->inside) == 0;
}

// A device's words, as last committed.
ALWAYS_INLINE const uint64_t *emulate_words(const struct pager *pager, uint64_t state_offset) {
    const uint8_t *state = state_current(&pager->state);
    return (const uint64_t *)(const void *)(state + state_offset);
}

// The sequence number of the last exit of RECORD's vCPU with an effect that was committed
// (emulate.c). Does not return when VM has no such vCPU: init never promised it.
const uint64_t *emulate_seen(const struct pager *pager, const struct pager_vm *vm,
                             const struct message *record);

// Nanoseconds since the counter was 0.
ALWAYS_INLINE uint64_t emulate_now(const struct pager *pager) {
    uint64_t now = rt_counter(); // rt_now, in the line
    unsigned __int128 fraction = (unsigned __int128)now * pager->tick_fraction;
    return now * pager->tick_whole + (uint64_t)(fraction >> 64);
}

ALWAYS_INLINE uint64_t emulate_extend(const struct pager_access *access, uint64_t value) {
    return (uint64_t)((int64_t)(value << access->shift) >> access->shift) & access->mask;
}

// What a load at ADDRESS from pager->loaded, which has `read`, finds there.
ALWAYS_INLINE uint64_t emulate_read(struct pager *pager, uint64_t address) {
    const struct pager_loaded *from = &pager->loaded;
    uint64_t value = from->read(&pager->state, emulate_words(pager, from->state_offset),
                                address - from->base, emulate_now(pager));
    if (__builtin_expect(pager->state.changes != 0, 0)) {
        state_commit(&pager->state);
    }
    return value;
}

ALWAYS_INLINE void emulate_reply(const struct pager_access *access, uint64_t value) {
    rt_reply_write(access->flags, emulate_extend(access, value), access->length);
}
