#include "servers/npf-pager/gic.h"

#include "libs/vgic/vgic.h"
#include "servers/npf-pager/emulate.h"

static_assert((int)VGIC_PENDING == (int)VCPU_LOOK_PENDING &&
                  (int)VGIC_ACTIVE == (int)VCPU_LOOK_ACTIVE,
              "what the core says is what is asked");
static_assert(sizeof(struct vgic_state) % 8 == 0, "whole words");

struct gic {
    struct vgic vgic;         // without a state: the VM has none
    struct vgic_output first; // part of the commit, and to be given behind it
};

static struct gic gics[PAGER_VMS]; // by the VMs' places

static struct gic *gic_of(const struct pager *pager, const struct pager_vm *vm) {
    return &gics[vm - pager->vm];
}

static unsigned look(void *context, unsigned vcpu, unsigned intid) {
    const struct pager_vm *vm = context;
    uint64_t state = 0;
    enum status status = rt_vcpu_look(vm->vcpu[vcpu], intid, &state);
    if (status != STATUS_OK) {
        rt_die("interrupt %u of vCPU %u can't be looked at: %s", intid, vcpu, status_text(status));
    }
    return (unsigned)state;
}

static void give(const struct pager_vm *vm, const struct vgic_output *output) {
    static const enum vcpu_interrupt effects[] = {
        [VGIC_RAISE] = VCPU_INTERRUPT_RAISE,
        [VGIC_TAKE_BACK] = VCPU_INTERRUPT_TAKE_BACK,
        [VGIC_DEACTIVATE] = VCPU_INTERRUPT_DEACTIVATE,
        [VGIC_SET_TIMER] = VCPU_INTERRUPT_TIMER,
    };
    uint64_t interrupt = INTERRUPT_GIC(output->intid, output->priority) |
                         (output->notify ? INTERRUPT_NOTIFY : 0) |
                         (output->group0 ? INTERRUPT_GROUP0 : 0) | INTERRUPT_SOURCE(output->sender);
    for (uint32_t rest = output->vcpus; rest; rest &= rest - 1) {
        uint32_t vcpu = (uint32_t)__builtin_ctz(rest);
        enum status status =
            rt_vcpu_interrupt(vm->vcpu[vcpu], effects[output->effect], interrupt, output->number);
        if (status != STATUS_OK) {
            rt_die("interrupt %u can't be given to vCPU %u: %s", output->intid, vcpu,
                   status_text(status));
        }
    }
}

void gic_prepare(struct pager *pager, const struct pager_vm *vm) {
    struct gic *gic = gic_of(pager, vm);
    if (gic->vgic.state && !vgic_next(&gic->vgic, &gic->first)) {
        gic->first.effect = VGIC_NONE;
    }
}

__attribute__((noinline)) static void settle(struct pager *pager, const struct pager_vm *vm,
                                             struct gic *gic) {
    give(vm, &gic->first);
    gic->first.effect = VGIC_NONE;
    struct vgic_output next;
    while (vgic_next(&gic->vgic, &next)) {
        state_commit(&pager->state);
        give(vm, &next);
    }
    if (pager->state.changes) {
        state_commit(&pager->state); // what finding nothing has found out
    }
}

void gic_settle(struct pager *pager, const struct pager_vm *vm) {
    struct gic *gic = gic_of(pager, vm);
    if (gic->first.effect != VGIC_NONE) {
        settle(pager, vm, gic);
    }
}

void gic_line(struct pager *pager, const struct pager_vm *vm, uint32_t line, bool level) {
    struct gic *gic = gic_of(pager, vm);
    if (gic->vgic.state && line != 0) {
        vgic_line(&gic->vgic, VGIC_PRIVATE + line, 0, level);
    }
}

static void reset_v3(uint64_t *word, uint64_t epoch) {
    (void)epoch;
    vgic_reset((struct vgic_state *)word, VGIC_V3);
}

static void reset_v2(uint64_t *word, uint64_t epoch) {
    (void)epoch;
    vgic_reset((struct vgic_state *)word, VGIC_V2);
}

static void gic_open(struct pager *pager, const struct pager_device *device,
                     enum vgic_version version, uint32_t vcpus) {
    const struct pager_vm *vm = device->vm;
    struct gic *gic = gic_of(pager, vm);
    if (vm->vcpus == 0 || vm->vcpus > vcpus) {
        rt_die("a GICv%u here has 1 to %u vCPUs, not %u", version, vcpus, vm->vcpus);
    }
    vgic_open(&gic->vgic, version, &pager->state, device->state_offset, vm->vcpus, look,
              (void *)(uintptr_t)vm);
    // The last output may not have been given, and others may have been due behind it.
    gic->first = vgic_last(&gic->vgic);
    gic_settle(pager, vm);
}

static void open_v3(struct pager *pager, const struct pager_device *device) {
    gic_open(pager, device, VGIC_V3, VGIC_VCPUS);
}

static void open_v2(struct pager *pager, const struct pager_device *device) {
    gic_open(pager, device, VGIC_V2, VGIC_V2_VCPUS);
}

static const void *gic_object(const struct pager *pager, const struct pager_vm *vm) {
    return &gic_of(pager, vm)->vgic;
}

static uint64_t distributor_look(const void *vgic, uint64_t offset, unsigned size) {
    return vgic_distributor_read(vgic, offset, size);
}

static void distributor_store(const struct device_access *access) {
    vgic_distributor_write(&gic_of(access->pager, access->vm)->vgic, access->offset, access->size,
                           access->value);
    gic_prepare(access->pager, access->vm);
}

static uint64_t redistributors_look(const void *vgic, uint64_t offset, unsigned size) {
    return vgic_redistributor_read(vgic, offset, size);
}

static void redistributors_store(const struct device_access *access) {
    vgic_redistributor_write(&gic_of(access->pager, access->vm)->vgic, access->offset, access->size,
                             access->value);
    gic_prepare(access->pager, access->vm);
}

// By the vCPU, so there is no shorter way for it.
static uint64_t banked_load(const struct device_access *access) {
    return vgic_banked_read(&gic_of(access->pager, access->vm)->vgic, access->vcpu, access->offset,
                            access->size);
}

static void banked_store(const struct device_access *access) {
    vgic_banked_write(&gic_of(access->pager, access->vm)->vgic, access->vcpu, access->offset,
                      access->size, access->value);
    gic_prepare(access->pager, access->vm);
}

static void gic_stored(const struct device_access *access) {
    gic_settle(access->pager, access->vm);
}

static void commit(struct pager *pager, const struct pager_vm *vm) {
    gic_prepare(pager, vm);
    state_commit(&pager->state);
    gic_settle(pager, vm);
}

bool gic_has_registers(const struct pager *pager, const struct pager_vm *vm) {
    const struct vgic *vgic = &gic_of(pager, vm)->vgic;
    return vgic->state && vgic->version == VGIC_V3;
}

bool gic_send(struct pager *pager, const struct message *record, struct reply *reply) {
    const struct pager_vm *vm = pager_vm(pager, record);
    struct vgic *vgic = &gic_of(pager, vm)->vgic;
    if (!vgic->state || vgic->version != VGIC_V3) {
        return false;
    }
    const uint64_t *seen = emulate_seen(pager, vm, record);
    if (*seen != record->seq) {
        vgic_sgi(vgic, MESSAGE_VCPU(record->info), record->word[1]);
        state_set(&pager->state, seen, record->seq);
        commit(pager, vm);
    }
    reply->flags = REPLY_FLAGS | REPLY_ADVANCE;
    return true;
}

// Told twice is the same as once: what was given again in between is in a list register, where the
// machine looks.
bool gic_window(struct pager *pager, const struct message *record, struct reply *reply) {
    const struct pager_vm *vm = pager_vm(pager, record);
    struct vgic *vgic = &gic_of(pager, vm)->vgic;
    if (!vgic->state) {
        return false;
    }
    for (unsigned word = 0; word < 2; word++) {
        for (uint64_t rest = record->word[word]; rest; rest &= rest - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(rest);
            vgic_ended(vgic, MESSAGE_VCPU(record->info), word * 64 + bit);
        }
    }
    commit(pager, vm);
    reply->flags = REPLY_FLAGS;
    return true;
}

static const struct device_effects distributor = {
    .open = open_v3,
    .look = distributor_look,
    .object = gic_object,
    .store = distributor_store,
    .stored = gic_stored,
};

static const struct device_effects redistributors = {
    .look = redistributors_look,
    .object = gic_object,
    .store = redistributors_store,
    .stored = gic_stored,
};

static const struct device_effects banked = {
    .open = open_v2,
    .load = banked_load,
    .store = banked_store,
    .stored = gic_stored,
};

static void reset_nothing(uint64_t *word, uint64_t epoch) { (void)word, (void)epoch; }

const struct device_model gic_distributor = {
    .name = "gic-v3",
    .sizes = 1 | 2 | 4 | 8,
    .words = sizeof(struct vgic_state) / 8,
    .reset = reset_v3,
    .effects = &distributor,
};

// The distributor's model opens what is both's.
const struct device_model gic_redistributors = {
    .name = "gic-v3-rd",
    .sizes = 1 | 2 | 4 | 8,
    .reset = reset_nothing,
    .effects = &redistributors,
};

const struct device_model gic_banked = {
    .name = "gic-400",
    .sizes = 1 | 2 | 4 | 8,
    .words = sizeof(struct vgic_state) / 8,
    .reset = reset_v2,
    .effects = &banked,
};
