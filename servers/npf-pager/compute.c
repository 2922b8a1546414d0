// What x86_64's instructions compute with a device's registers: a load, a store or both, a result
// in memory or in a register, and flags. Done as a whole: one that comes again, because the server
// died before its answer was taken, has stored already, and what it loaded then is in the state.
#include "servers/npf-pager/emulate.h"

// The numbers of RAX and of the flags among what can be read of a vCPU, and written by this answer
// (arch/x86_64/include/arch/regs.h).
enum { REG_RAX = 0, REG_RFLAGS = 16 };

// That the exit has stored, too: beside its number, which a device whose load takes something has
// committed alone before.
#define STORED (1ull << 63)

// What it takes from the vCPU, which is all read before anything is done: reading does not return
// when the vCPU has been stopped.
struct inputs {
    uint64_t operand;
    uint64_t whole;       // the register that it is a part of, where the rest of that is kept
    uint64_t accumulator; // of CMPXCHG
    uint64_t flags;
};

static struct inputs take_inputs(struct pager *pager, const struct pager_access *access,
                                 const struct message *record) {
    struct inputs inputs = {
        .operand = emulate_operand(emulate_vm(pager, record), record, access, access->reg)};
    enum insn_operation operation = (enum insn_operation)access->operation;
    if (access->size < 4 && access->reg != insn_zero) {
        inputs.whole = emulate_register(pager, record, access->reg);
    }
    if (operation == INSN_CMPXCHG) {
        inputs.accumulator = emulate_register(pager, record, REG_RAX);
    }
    if (insn_takes_flags(operation)) {
        inputs.flags = emulate_register(pager, record, REG_RFLAGS);
    }
    return inputs;
}

// Makes VALUE the part of register REG, all of which is WHOLE, that ACCESS has at POSITION.
// Registers of less than 32 bits leave the rest of the whole as it is (APM volume 1, 3.1.2).
static void write_register(const struct pager_access *access, struct reply *reply, unsigned reg,
                           unsigned position, uint64_t whole, uint64_t value) {
    uint64_t kept = access->size < 4 ? ~(access->mask << position) : 0;
    reply->word[0] = (whole & kept) | value << position;
    reply->flags |= REPLY_WRITE | REPLY_REGISTER(reg);
}

// Answers with what becomes of the registers. Returns what memory is to hold.
static uint64_t compute(const struct pager_access *access, const struct inputs *inputs,
                        uint64_t memory, struct reply *reply) {
    enum insn_operation operation = (enum insn_operation)access->operation;
    unsigned size = (unsigned)access->size;
    uint64_t left = access->is_to_register ? inputs->operand : memory;
    uint64_t right = access->is_to_register ? memory : inputs->operand;
    if (operation == INSN_CMPXCHG) {
        left = emulate_extend(access, inputs->accumulator);
        right = memory;
    }
    struct insn_result result = insn_compute(operation, size, left, right, inputs->flags);
    reply->flags = access->flags | REPLY_WRITE_SECOND | REPLY_SECOND(REG_RFLAGS);
    reply->word[1] = result.flags;
    reply->word[6] = access->length;
    if (operation == INSN_CMPXCHG) {
        if (left == memory) {
            return inputs->operand;
        }
        write_register(access, reply, REG_RAX, 0, inputs->accumulator, memory);
        return memory;
    }
    if (access->is_to_register && operation != INSN_CMP) {
        write_register(access, reply, access->reg, access->position, inputs->whole, result.value);
    } else if (operation == INSN_XCHG || operation == INSN_XADD) {
        write_register(access, reply, access->reg, access->position, inputs->whole, memory);
    }
    return result.value;
}

// What was loaded last by an instruction of RECORD's vCPU that stored, too.
static const uint64_t *computed(const struct pager *pager, const struct pager_vm *vm,
                                const struct message *record) {
    return emulate_words(pager, pager->computed_offset) + vm->first + MESSAGE_VCPU(record->info);
}

static void compute_and_store(struct pager *pager, const struct region *region,
                              const struct pager_access *access, const struct message *record,
                              struct reply *reply) {
    const struct inputs inputs = take_inputs(pager, access, record);
    struct device_access store = emulate_device(pager, region, access, record, reply);
    const uint64_t done = record->seq | STORED;
    bool is_done = *emulate_seen(pager, store.vm, record) == done;
    uint64_t memory =
        is_done ? *computed(pager, store.vm, record)
                : emulate_extend(access, emulate_load(pager, region, access, record, reply));
    store.value = compute(access, &inputs, memory, reply);
    if (!is_done) {
        emulate_store(pager, region, &store);
        state_set(&pager->state, computed(pager, store.vm, record), memory);
        state_set(&pager->state, emulate_seen(pager, store.vm, record), done);
        state_commit(&pager->state);
    }
    if (region->model->effects) {
        region->model->effects->stored(&store);
    }
}

static void compute_access(struct pager *pager, const struct region *region,
                           const struct pager_access *access, const struct message *record,
                           struct reply *reply) {
    if (access->access == ACCESS_WRITE) {
        compute_and_store(pager, region, access, record, reply);
        return;
    }
    const struct inputs inputs = take_inputs(pager, access, record);
    uint64_t memory = emulate_load(pager, region, access, record, reply);
    compute(access, &inputs, emulate_extend(access, memory), reply);
}

code_computer *const code_compute = compute_access;
