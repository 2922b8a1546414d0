// The parts of an emulated access that the short way (quick.c) and the long one (emulate.c) share.
#pragma once

#include "libs/insn/insn.h"
#include "servers/npf-pager/pager.h"
#include "servers/npf-pager/pair.h"

// How an architecture's instructions are read: code_word.c, code_x86_64.c.
enum code_found {
    CODE_DECODED, // *FOUND is what exited
    CODE_GONE,    // it can't be read any more
    CODE_SPLIT,   // it is, but the access began in the page before
};
enum code_found code_read(struct pager *pager, const struct message *record,
                          const struct pager_access **found);

// Does ACCESS, which is of INSN_COMPUTE, to the registers in REGION. NULL: there are no such
// instructions.
typedef void code_computer(struct pager *pager, const struct region *region,
                           const struct pager_access *access, const struct message *record,
                           struct reply *reply);
extern code_computer *const code_compute;

// The short way of a load from ADDRESS, in the region that was loaded from last, by the instruction
// at PC: by the same one as last time, it is hoped. WORD2 is that of the exit.
void code_quick_load(uint64_t pc, uint64_t address, uint64_t word2);

// No instruction at all.
void emulate_forget(struct pager_access *access);

// The VM of the vCPU that exited. Does not return when there is no such vCPU.
const struct pager_vm *emulate_vm(struct pager *pager, const struct message *record);

// Register REG of the vCPU that exited. Does not return when that has been stopped: nobody waits
// for an answer then.
uint64_t emulate_register(struct pager *pager, const struct message *record, unsigned reg);

// What ACCESS stores or computes with, which is in register REG or stands in the instruction, cut
// to its size. VM is emulate_vm's.
uint64_t emulate_operand(const struct pager_vm *vm, const struct message *record,
                         const struct pager_access *access, unsigned reg);

// What the base register of ACCESS becomes. That never is before this answer is taken, so it is the
// same when the answer is given again.
uint64_t emulate_stepped(struct pager *pager, const struct message *record,
                         const struct pager_access *access);

// What an access to a device's registers has of it: no value.
struct device_access emulate_device(struct pager *pager, const struct region *region,
                                    const struct pager_access *access, const struct message *record,
                                    struct reply *reply);

// The parts of an access. A load commits what it changes; a store leaves that to the caller, who
// sees to it that one that comes again is done once, and calls the device's `stored` behind that.
uint64_t emulate_load(struct pager *pager, const struct region *region,
                      const struct pager_access *access, const struct message *record,
                      struct reply *reply);
void emulate_store(struct pager *pager, const struct region *region, struct device_access *access);

// Keeps what INSN, which is INSTRUCTION or was GIVEN by the hardware, does.
ALWAYS_INLINE void emulate_keep(struct pager_access *access, struct insn_access insn,
                                uint64_t instruction, uint64_t given) {
    const struct insn_form *form = insn.form;
    *access = (struct pager_access){
        .instruction = instruction,
        .given = given,
        .access = PAGER_NO_ACCESS,
        .flags = REPLY_FLAGS | REPLY_ADVANCE,
        .size = form->size,
        .inside = form->size - 1u,
        .shift = 64 - 8u * form->size,
        .mask = UINT64_MAX >> (64 - 8u * (form->sign_extend ? form->width : form->size)) % 64,
        .reg = insn.reg,
        .length = form->length,
        .kind = form->kind,
        .base = insn.base,
    };
    if (form->is_pair || form->writes_base) {
        pair_keep(access, insn);
    } else if (form->kind == INSN_ACCESS) {
        access->access = form->is_write ? ACCESS_WRITE : ACCESS_READ;
        if (!form->is_write && insn.reg != insn_zero) {
            access->flags |= REPLY_WRITE | REPLY_REGISTER(insn.reg);
        }
    }
}

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
