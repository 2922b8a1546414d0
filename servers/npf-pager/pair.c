// A pair's access (aarch64: LDP, LDPSW, STP) is two of a device, one after the other, as it is to
// hardware. Each store is committed by itself, so the server that follows goes on behind the one
// that was done. Of two loads none has to be remembered: what comes behind a load that takes
// something has none (PL011_DR; uart.c).
#include "servers/npf-pager/pair.h"

#include "servers/npf-pager/emulate.h"

// Of a pair only the first store: beside the number of the last exit whose effect was committed,
// which never grows that far.
#define FIRST_ONLY (1ull << 63)

// An answer writes two general registers, and a stack pointer is none. Nor can it be read: so it is
// not known which half of a pair made the exit.
static bool can_be_done(struct insn_access insn) {
    const struct insn_form *form = insn.form;
    unsigned loaded = form->is_write ? 0 : (insn.reg != insn_zero) + (insn.second != insn_zero);
    return form->kind == INSN_ACCESS && insn.base != insn_zero &&
           !(form->is_pair && loaded + (insn.step != 0) > 2);
}

// The answer to ACCESS writes REG, too, behind what it writes already.
static void add_register(struct pager_access *access, uint8_t reg) {
    access->flags |= access->flags & REPLY_WRITE ? REPLY_WRITE_SECOND | REPLY_SECOND(reg)
                                                 : REPLY_WRITE | REPLY_REGISTER(reg);
}

void pair_keep(struct pager_access *access, struct insn_access insn) {
    const struct insn_form *form = insn.form;
    if (!can_be_done(insn)) {
        return;
    }
    access->access = form->is_write ? ACCESS_WRITE : ACCESS_READ;
    access->is_slow = true;
    access->is_pair = form->is_pair;
    access->second = insn.second;
    access->offset = insn.offset;
    access->step = insn.step;
    if (!form->is_write && insn.reg != insn_zero) {
        add_register(access, insn.reg);
    }
    if (!form->is_write && form->is_pair && insn.second != insn_zero) {
        add_register(access, insn.second);
    }
    if (insn.step != 0) {
        add_register(access, insn.base);
    }
}

const char *pair_refused(struct pager *pager, const struct region *region,
                         const struct pager_access *access, const struct message *record) {
    uint64_t first = record->word[0], last = first + 2 * access->size - 1;
    uint64_t address =
        emulate_register(pager, record, access->base) + (uint64_t)(int64_t)access->offset;
    // Of the guest's own address the exit tells the place in its page.
    if ((address ^ first) % REGION_SMALL != 0) {
        return "a pair's whose first half is elsewhere";
    }
    // What follows the page, only the guest's page tables say.
    if (!region_holds(region, last) || first / REGION_SMALL != last / REGION_SMALL) {
        return "a pair's whose second half is elsewhere";
    }
    return NULL;
}

// The exit that half number HALF alone would have made.
static struct message half_of(const struct message *record, const struct pager_access *access,
                              unsigned half) {
    struct message alone = *record;
    alone.word[0] += half * access->size;
    return alone;
}

static void store(struct pager *pager, const struct region *region,
                  const struct pager_access *access, const struct message *record,
                  struct reply *reply) {
    // Before any effect: who reads a register of a vCPU that was stopped does not return.
    const struct pager_vm *vm = emulate_vm(pager, record);
    const uint64_t value[] = {emulate_operand(vm, record, access, access->reg),
                              emulate_operand(vm, record, access, access->second)};
    if (access->step != 0) {
        reply->word[0] = emulate_stepped(pager, record, access);
    }
    for (unsigned half = 0; half < 2; half++) {
        struct message alone = half_of(record, access, half);
        struct device_access store = emulate_device(pager, region, access, &alone, reply);
        const uint64_t *seen = emulate_seen(pager, store.vm, record);
        uint64_t mark = record->seq | (half == 0 ? FIRST_ONLY : 0);
        store.value = value[half];
        if (*seen != record->seq && *seen != mark) {
            emulate_store(pager, region, &store);
            state_set(&pager->state, seen, mark);
            state_commit(&pager->state);
        }
        if (region->model->effects) {
            region->model->effects->stored(&store);
        }
    }
}

static void load(struct pager *pager, const struct region *region,
                 const struct pager_access *access, const struct message *record,
                 struct reply *reply) {
    const uint8_t reg[] = {access->reg, access->second};
    uint64_t stepped = access->step != 0 ? emulate_stepped(pager, record, access) : 0;
    unsigned count = 0;
    for (unsigned half = 0; half < 2; half++) {
        struct message alone = half_of(record, access, half);
        uint64_t value = emulate_load(pager, region, access, &alone, reply);
        if (reg[half] != insn_zero) {
            reply->word[count++] = emulate_extend(access, value);
        }
    }
    if (access->step != 0) {
        reply->word[count] = stepped;
    }
    pager->loaded.region = NULL; // there is no shorter way
}

void pair_access(struct pager *pager, const struct region *region,
                 const struct pager_access *access, const struct message *record,
                 struct reply *reply) {
    reply->flags = access->flags; // first: `stored` adds the device's effects
    reply->word[6] = access->length;
    if (access->access == ACCESS_WRITE) {
        store(pager, region, access, record, reply);
    } else {
        load(pager, region, access, record, reply);
    }
}
