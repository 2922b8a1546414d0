// From an exit to the state and back: one commit for an exit's effects, outputs behind it.
#include "arch/x86_64/include/arch/inputs.h"
#include "servers/timer-server/pc/pc.h"

#define WORDS (sizeof(struct vlapic) / sizeof(uint64_t))
static_assert(sizeof(struct vlapic) % sizeof(uint64_t) == 0, "whole words");

static const struct pc_vcpu_state *state_of(const struct pc *pc, const struct pc_vm *vm,
                                            uint32_t vcpu) {
    const struct pc_state *state = state_current(&pc->state);
    return &state->vcpu[vm->first + vcpu];
}

static void give(const struct pc_vm *vm, uint32_t vcpu, const struct vlapic_output *output) {
    static const uint32_t first[] = {
        [VLAPIC_DO_INIT] = INPUT_INIT,
        [VLAPIC_DO_STARTUP] = INPUT_STARTUP,
        [VLAPIC_DO_NMI] = INPUT_NMI,
        [VLAPIC_DO_PRIORITY] = INPUT_PRIORITY,
    };
    if (output->effect == VLAPIC_DO_NOTHING) {
        return;
    }
    const enum vcpu_interrupt what =
        output->effect == VLAPIC_DO_TAKE_BACK ? VCPU_INTERRUPT_TAKE_BACK : VCPU_INTERRUPT_RAISE;
    enum status status = rt_vcpu_interrupt(vm->slot[vcpu], what,
                                           first[output->effect] + output->vector, output->number);
    if (status != STATUS_OK) {
        rt_die("interrupt %u can't be given to vCPU %u: %s", output->vector, vcpu,
               status_text(status));
    }
}

// What the guest has taken since it was given. Not a change that must be kept: it is seen again.
static void look(const struct pc_vm *vm, uint32_t vcpu, struct vlapic *lapic) {
    uint64_t has = 0;
    if (lapic->given == 0) {
        return;
    }
    enum status status = rt_vcpu_look(vm->slot[vcpu], (unsigned)lapic->given, &has);
    if (status != STATUS_OK) {
        rt_die("interrupt %u of vCPU %u can't be looked at: %s", (unsigned)lapic->given, vcpu,
               status_text(status));
    }
    if (!(has & VCPU_LOOK_PENDING)) {
        vlapic_accept(lapic);
    }
}

static void keep_words(struct pc *pc, const uint64_t *before, const uint64_t *now, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (before[i] != now[i]) {
            state_set(&pc->state, &before[i], now[i]);
        }
    }
}

// Few words change, so four are looked at together.
static void keep(struct pc *pc, const struct pc_vcpu_state *kept, const struct vlapic *lapic) {
    const uint64_t *before = (const uint64_t *)&kept->lapic;
    const uint64_t *now = (const uint64_t *)lapic;
    size_t i = 0;
    for (; i + 4 <= WORDS; i += 4) {
        if ((before[i] ^ now[i]) | (before[i + 1] ^ now[i + 1]) | (before[i + 2] ^ now[i + 2]) |
            (before[i + 3] ^ now[i + 3])) {
            keep_words(pc, &before[i], &now[i], 4);
        }
    }
    keep_words(pc, &before[i], &now[i], WORDS - i);
}

static void commit(struct pc *pc) {
    if (pc->state.changes) {
        state_commit(&pc->state);
    }
}

// Everything that is due for one vCPU, whose APIC is to be LAPIC. What there is beside outputs is
// in the first commit; without an output nothing has changed since.
static void settle(struct pc *pc, const struct pc_vm *vm, uint32_t vcpu, struct vlapic *lapic) {
    struct vlapic_output output;
    bool more, first = true;
    do {
        more = vlapic_next(lapic, &output);
        if (more || first) {
            keep(pc, state_of(pc, vm, vcpu), lapic);
            commit(pc);
        }
        if (more) {
            give(vm, vcpu, &output);
        }
        first = false;
    } while (more);
}

// The vCPUs that IPI is for, a bit each; of several one, when the least busy is to get it.
static uint32_t send_to(const struct pc_exit *exit, const struct vlapic_ipi *ipi) {
    uint32_t all = 0, one = 0;
    unsigned least = UINT8_MAX + 1;
    for (uint32_t vcpu = 0; vcpu < exit->vm->vcpus; vcpu++) {
        const struct vlapic *lapic =
            vcpu == exit->vcpu ? &exit->lapic : &state_of(exit->pc, exit->vm, vcpu)->lapic;
        if (vlapic_ipi_is_for(ipi, lapic, vcpu == exit->vcpu)) {
            all |= 1u << vcpu;
            if (vlapic_is_enabled(lapic) && vlapic_priority(lapic) < least) {
                least = vlapic_priority(lapic);
                one = 1u << vcpu;
            }
        }
    }
    return ipi->mode == VLAPIC_LOWEST ? one : all;
}

// The others that an IPI is for get it in the same commit as the sender's own effects; after that
// each has its outputs.
static void send(struct pc_exit *exit, const struct vlapic_ipi *ipi) {
    struct pc *pc = exit->pc;
    const uint32_t to = send_to(exit, ipi), own = 1u << exit->vcpu;
    for (uint32_t rest = to & ~own; rest; rest &= rest - 1) {
        const uint32_t vcpu = (uint32_t)__builtin_ctz(rest);
        const struct pc_vcpu_state *kept = state_of(pc, exit->vm, vcpu);
        struct vlapic lapic = kept->lapic;
        look(exit->vm, vcpu, &lapic);
        vlapic_receive(&lapic, ipi);
        keep(pc, kept, &lapic);
    }
    if (to & own) {
        vlapic_receive(&exit->lapic, ipi);
    }
    keep(pc, state_of(pc, exit->vm, exit->vcpu), &exit->lapic);
    commit(pc);
    for (uint32_t rest = to & ~own; rest; rest &= rest - 1) {
        const uint32_t vcpu = (uint32_t)__builtin_ctz(rest);
        struct vlapic lapic = state_of(pc, exit->vm, vcpu)->lapic;
        look(exit->vm, vcpu, &lapic);
        settle(pc, exit->vm, vcpu, &lapic);
    }
}

void pc_settle(struct pc_exit *exit, const struct vlapic_ipi *ipi) {
    struct pc *pc = exit->pc;
    const struct pc_vcpu_state *kept = state_of(pc, exit->vm, exit->vcpu);
    if (exit->is_new) {
        state_set(&pc->state, &kept->seq, exit->record->seq);
    }
    if (exit->is_new && ipi && ipi->is_due) {
        send(exit, ipi);
    }
    settle(pc, exit->vm, exit->vcpu, &exit->lapic);
}

const struct pc_vcpu_state *pc_state_of(const struct pc *pc, uint64_t badge, uint32_t vcpu) {
    const uint32_t found = badge < PC_NUMBERS ? pc->place[badge] : 0;
    const bool known = found != 0 && vcpu < pc->vm[found - 1].vcpus;
    return known ? state_of(pc, &pc->vm[found - 1], vcpu) : NULL;
}

uint32_t pc_vcpus(const struct pc *pc, uint64_t badge) {
    const uint32_t found = badge < PC_NUMBERS ? pc->place[badge] : 0;
    return found != 0 ? pc->vm[found - 1].vcpus : 0;
}

bool pc_begin(struct pc *pc, const struct message *record, struct pc_exit *exit) {
    const uint32_t found = record->badge < PC_NUMBERS ? pc->place[record->badge] : 0;
    const uint32_t vcpu = MESSAGE_VCPU(record->info);
    if (found == 0 || vcpu >= pc->vm[found - 1].vcpus) {
        return false;
    }
    const struct pc_vm *vm = &pc->vm[found - 1];
    const struct pc_vcpu_state *kept = state_of(pc, vm, vcpu);
    // One by one: as a whole it would be copied twice.
    exit->pc = pc;
    exit->vm = vm;
    exit->record = record;
    exit->vcpu = vcpu;
    exit->is_new = kept->seq != record->seq;
    exit->lapic = kept->lapic;
    look(vm, vcpu, &exit->lapic);
    return true;
}

static void resume(struct pc *pc) {
    for (uint32_t i = 0; i < pc->vm_count; i++) {
        const struct pc_vm *vm = &pc->vm[i];
        for (uint32_t vcpu = 0; vcpu < vm->vcpus; vcpu++) {
            struct vlapic lapic = state_of(pc, vm, vcpu)->lapic;
            const struct vlapic_output last = vlapic_last(&lapic);
            give(vm, vcpu, &last);
            look(vm, vcpu, &lapic);
            settle(pc, vm, vcpu, &lapic);
        }
    }
}

enum status pc_adopt(struct pc *pc, void *region, size_t size) {
    static struct pc_state initial;
    for (uint32_t i = 0; i < pc->vm_count; i++) {
        for (uint32_t vcpu = 0; vcpu < pc->vm[i].vcpus; vcpu++) {
            vlapic_reset(&initial.vcpu[pc->vm[i].first + vcpu].lapic, vcpu);
        }
    }
    const struct state_layout layout = {
        .owner = "timer-server",
        .version = PC_STATE_VERSION,
        .size = sizeof(struct pc_state),
        .initial = &initial,
    };
    enum status status = state_open(&pc->state, region, size, &layout);
    if (status == STATUS_OK) {
        resume(pc);
    }
    return status;
}
