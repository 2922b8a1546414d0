// The parts of an emulated access that the short way (quick.c) and the long one (emulate.c) share.
#pragma once

#include "servers/npf-pager/pager.h"

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
