// An access to emulated registers: the instruction is fetched from the guest, decoded, and done by
// the device's model.
#include "servers/npf-pager/emulate.h"

#include "libs/insn/insn.h"
#include "servers/npf-pager/pair.h"

void emulate_forget(struct pager_access *access) {
    // No instruction that could be fetched has that number.
    *access =
        (struct pager_access){.instruction = RT_NO_INSTRUCTION - 1, .access = PAGER_NO_ACCESS};
}

static void refuse_as(struct pager *pager, const struct region *region,
                      const struct message *record, const char *what, struct reply *reply) {
    rt_log("VM %llu: the instruction at 0x%llx touches the registers of %s at 0x%llx, but is %s",
           (unsigned long long)record->badge, (unsigned long long)record->pc, region->model->name,
           (unsigned long long)record->word[0], what);
    pager_report(pager, record, REPORT_INSTRUCTION, record->word[0], record->word[1], reply);
}

// The instruction that exited can't be emulated, or is another one now.
static void refuse(struct pager *pager, const struct region *region,
                   const struct pager_access *access, const struct message *record,
                   struct reply *reply) {
    if (access->access != PAGER_NO_ACCESS) {
        // The guest's memory has changed since the exit: the guest executes what stands there now.
        reply->flags = REPLY_FLAGS;
        return;
    }
    const char *what =
        access->kind == INSN_ACCESS
            ? "one that changes three registers, or one by SP that changes it or is a pair's"
            : insn_text((enum insn_kind)access->kind);
    refuse_as(pager, region, record, what, reply);
}

// Does not return when the vCPU has been stopped: so it is called before a store's effects.
static uint64_t read_register(const struct pager_vm *vm, const struct message *record,
                              unsigned reg) {
    uint64_t value = 0;
    uint32_t vcpu = MESSAGE_VCPU(record->info);
    enum status status = rt_vcpu_read(vm->vcpu[vcpu], reg, &value);
    if (status == STATUS_DENIED) {
        rt_reply_nobody();
    }
    if (status != STATUS_OK) {
        rt_die("register x%u of VM %llu vCPU %u can't be read: %s", reg,
               (unsigned long long)record->badge, vcpu, status_text(status));
    }
    return value;
}

const struct pager_vm *emulate_vm(struct pager *pager, const struct message *record) {
    const struct pager_vm *vm = pager_vm(pager, record);
    (void)emulate_seen(pager, vm, record); // there is such a vCPU
    return vm;
}

uint64_t emulate_register(struct pager *pager, const struct message *record, unsigned reg) {
    return read_register(emulate_vm(pager, record), record, reg);
}

uint64_t emulate_stepped(struct pager *pager, const struct message *record,
                         const struct pager_access *access) {
    return emulate_register(pager, record, access->base) + (uint64_t)(int64_t)access->step;
}

uint64_t emulate_operand(const struct pager_vm *vm, const struct message *record,
                         const struct pager_access *access, unsigned reg) {
    uint64_t value = access->value;
    if (reg != insn_zero) {
        value = read_register(vm, record, reg) >> access->position;
    }
    return emulate_extend(access, value);
}

const uint64_t *emulate_seen(const struct pager *pager, const struct pager_vm *vm,
                             const struct message *record) {
    const struct pager_state *state = state_current(&pager->state);
    uint32_t vcpu = MESSAGE_VCPU(record->info);
    if (vcpu >= vm->vcpus) {
        rt_die("VM %llu vCPU %u is not in the config: no entry `vcpu-%llu` for it",
               (unsigned long long)record->badge, vcpu, (unsigned long long)record->badge);
    }
    return &state->seq[vm->first + vcpu];
}

struct device_access emulate_device(struct pager *pager, const struct region *region,
                                    const struct pager_access *access, const struct message *record,
                                    struct reply *reply) {
    return (struct device_access){
        .pager = pager,
        .vm = pager_vm(pager, record),
        .record = record,
        .reply = reply,
        .offset = record->word[0] - region->base,
        .size = (uint32_t)access->size,
        .vcpu = MESSAGE_VCPU(record->info),
        .state_offset = region->state_offset,
        .line = region->line,
    };
}

void emulate_store(struct pager *pager, const struct region *region, struct device_access *access) {
    const struct device_model *model = region->model;
    if (model->effects) {
        model->effects->store(access);
    } else {
        model->write(&pager->state, emulate_words(pager, region->state_offset), access->offset,
                     emulate_now(pager), access->value);
    }
}

static void store(struct pager *pager, const struct region *region,
                  const struct pager_access *access, const struct message *record,
                  struct reply *reply) {
    struct device_access store = emulate_device(pager, region, access, record, reply);
    const uint64_t *seen = emulate_seen(pager, store.vm, record);
    store.value = emulate_operand(store.vm, record, access, access->reg);
    // A store that comes again was done already, and only its answer is missing.
    if (*seen != record->seq) {
        emulate_store(pager, region, &store);
        state_set(&pager->state, seen, record->seq);
        state_commit(&pager->state);
    }
    reply->flags = access->flags;
    reply->word[6] = access->length;
    if (region->model->effects) {
        region->model->effects->stored(&store);
    }
}

uint64_t emulate_load(struct pager *pager, const struct region *region,
                      const struct pager_access *access, const struct message *record,
                      struct reply *reply) {
    const struct device_effects *effects = region->model->effects;
    uint64_t address = record->word[0];
    if (effects && effects->load && !(effects->look && address - region->base >= effects->quiet)) {
        struct device_access load = emulate_device(pager, region, access, record, reply);
        return effects->load(&load);
    }
    pager->loaded = (struct pager_loaded){
        .region = access->is_slow ? NULL : region,
        .read = region->model->read,
        .base = region->base,
        .state_offset = region->state_offset,
    };
    if (!effects) {
        return emulate_read(pager, address);
    }
    pager->loaded.look = effects->look;
    pager->loaded.object = effects->object(pager, pager_vm(pager, record));
    if (!access->given) {
        pager->loaded.region = NULL; // what is fetched has no shorter way there
    }
    return effects->look(pager->loaded.object, address - region->base, (unsigned)access->size);
}

// Whether the instruction that was decoded can have made the exit. Of one that loads and stores the
// CPU may check either first.
static bool is_of_exit(const struct pager_access *access, uint64_t exit) {
    bool is_either = access->kind == INSN_COMPUTE && access->access == ACCESS_WRITE;
    return access->access == exit || (is_either && exit == ACCESS_READ);
}

static void access_plain(struct pager *pager, const struct region *region,
                         const struct pager_access *access, const struct message *record,
                         struct reply *reply) {
    if (access->access == ACCESS_WRITE) {
        store(pager, region, access, record, reply);
    } else {
        uint64_t whole = access->kept ? emulate_register(pager, record, access->reg) : 0;
        uint64_t part = emulate_extend(access, emulate_load(pager, region, access, record, reply));
        reply->word[0] = (whole & access->kept) | part << access->position;
        reply->flags = access->flags;
        reply->word[6] = access->length;
    }
}

// A pair's, or one that changes its base register.
static void access_rare(struct pager *pager, const struct region *region,
                        const struct pager_access *access, const struct message *record,
                        struct reply *reply) {
    if (access->is_pair) {
        const char *what = pair_refused(pager, region, access, record);
        if (what) {
            refuse_as(pager, region, record, what, reply);
        } else {
            pair_access(pager, region, access, record, reply);
        }
        return;
    }
    uint64_t stepped = emulate_stepped(pager, record, access); // before any effect
    access_plain(pager, region, access, record, reply);
    reply->word[access->flags & REPLY_WRITE_SECOND ? 1 : 0] = stepped;
}

void pager_emulate(struct pager *pager, const struct region *region, const struct message *record,
                   struct reply *reply) {
    const struct pager_access *access;
    uint64_t address = record->word[0];
    enum code_found found = code_read(pager, record, &access);
    if (found == CODE_GONE) {
        reply->flags = REPLY_FLAGS; // the guest's page tables have changed since: let it look
        return;
    }
    if (access == &pager->decoded) {
        pager->loaded.region = NULL; // what loaded last is another now
    }
    if (!is_of_exit(access, record->word[1])) {
        refuse(pager, region, access, record, reply);
    } else if (!(region->model->sizes & access->size) || !emulate_is_aligned(access, address) ||
               found == CODE_SPLIT) {
        pager_report(pager, record, REPORT_DENIED, address, record->word[1], reply);
    } else if (access->kind == INSN_COMPUTE) {
        code_compute(pager, region, access, record, reply);
    } else if (access->is_pair || access->step != 0) {
        access_rare(pager, region, access, record, reply);
    } else {
        access_plain(pager, region, access, record, reply);
    }
}
