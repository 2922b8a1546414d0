#include "servers/npf-pager/gic.h"

#include "libs/vgic/vgic.h"
#include "servers/npf-pager/emulate.h"

static_assert((int)VGIC_PENDING == (int)VCPU_LOOK_PENDING &&
                  (int)VGIC_ACTIVE == (int)VCPU_LOOK_ACTIVE,
              "what the core says is what is asked");
static_assert(sizeof(struct vgic_state) % 8 == 0, "whole words");

// By the VMs' places. One without a state: its VM has none.
static struct vgic gics[PAGER_VMS];

static struct vgic *gic_of(const struct pager *pager, const struct pager_vm *vm) {
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

static void gic_reset(uint64_t *word, uint64_t epoch) {
    (void)epoch;
    vgic_reset((struct vgic_state *)word);
}

static void tell(const struct pager_vm *vm, uint32_t vcpu, enum vcpu_interrupt what,
                 uint64_t interrupt, uint64_t number) {
    enum status status = rt_vcpu_interrupt(vm->vcpu[vcpu], what, interrupt, number);
    if (status != STATUS_OK) {
        rt_die("interrupt 0x%llx can't be given to vCPU %u: %s", (unsigned long long)interrupt,
               vcpu, status_text(status));
    }
}

static void gic_open(struct pager *pager, const struct pager_vm *vm, uint32_t state_offset) {
    if (vm->vcpus == 0 || vm->vcpus > VGIC_VCPUS) {
        rt_die("a GICv3 here has 1 to %u vCPUs, not %u", VGIC_VCPUS, vm->vcpus);
    }
    vgic_open(gic_of(pager, vm), &pager->state, state_offset, vm->vcpus, look,
              (void *)(uintptr_t)vm);
    for (uint32_t vcpu = 0; vcpu < vm->vcpus; vcpu++) {
        tell(vm, vcpu, VCPU_INTERRUPT_TIMER, INTERRUPT_GIC(INTERRUPT_GIC_TIMER, 0xa0), 1);
    }
}

// What the change makes due is part of its commit. One output leaves with an answer; should there
// be more, they leave with the next ones.
static void keep(struct vgic *gic, uint32_t vcpu) {
    struct vgic_output output = {.effect = VGIC_NONE};
    if (!vgic_next(gic, &output)) {
        output = (struct vgic_output){.effect = VGIC_NONE};
    }
    vgic_keep(gic, vcpu, &output);
}

// Tells the core what was kept for VCPU's exit. Number 1 has told it of the timer.
static void answer(const struct pager_vm *vm, const struct vgic *gic, uint32_t vcpu) {
    static const enum vcpu_interrupt effects[] = {
        [VGIC_RAISE] = VCPU_INTERRUPT_RAISE,
        [VGIC_TAKE_BACK] = VCPU_INTERRUPT_TAKE_BACK,
        [VGIC_DEACTIVATE] = VCPU_INTERRUPT_DEACTIVATE,
    };
    struct vgic_output output = vgic_kept(gic, vcpu);
    for (uint32_t mask = output.effect == VGIC_NONE ? 0 : output.vcpus; mask; mask &= mask - 1) {
        tell(vm, (uint32_t)__builtin_ctz(mask), effects[output.effect],
             INTERRUPT_GIC(output.intid, output.priority), output.number + 1);
    }
}

static const void *gic_object(const struct pager *pager, const struct pager_vm *vm) {
    return gic_of(pager, vm);
}

static uint64_t distributor_look(const void *gic, uint64_t offset, unsigned size) {
    return vgic_distributor_read(gic, offset, size);
}

static void distributor_store(const struct device_access *access) {
    struct vgic *gic = gic_of(access->pager, access->vm);
    vgic_distributor_write(gic, access->offset, access->size, access->value);
    keep(gic, access->vcpu);
}

static uint64_t redistributors_look(const void *gic, uint64_t offset, unsigned size) {
    return vgic_redistributor_read(gic, offset, size);
}

static void redistributors_store(const struct device_access *access) {
    struct vgic *gic = gic_of(access->pager, access->vm);
    vgic_redistributor_write(gic, access->offset, access->size, access->value);
    keep(gic, access->vcpu);
}

static void gic_stored(const struct device_access *access) {
    answer(access->vm, gic_of(access->pager, access->vm), access->vcpu);
}

bool gic_send(struct pager *pager, const struct message *record, uint64_t value,
              struct reply *reply) {
    const struct pager_vm *vm = pager_vm(pager, record);
    struct vgic *gic = gic_of(pager, vm);
    if (!gic->state) {
        return false;
    }
    uint32_t vcpu = MESSAGE_VCPU(record->info);
    const uint64_t *seen = emulate_seen(pager, vm, record);
    if (*seen != record->seq) {
        vgic_sgi(gic, vcpu, value);
        keep(gic, vcpu);
        state_set(&pager->state, seen, record->seq);
        state_commit(&pager->state);
    }
    reply->flags = REPLY_FLAGS | REPLY_ADVANCE;
    answer(vm, gic, vcpu);
    return true;
}

static const struct device_effects distributor = {
    .open = gic_open,
    .look = distributor_look,
    .object = gic_object,
    .store = distributor_store,
    .stored = gic_stored,
};

// The distributor's model opens what is both's.
static void open_nothing(struct pager *pager, const struct pager_vm *vm, uint32_t state_offset) {
    (void)pager, (void)vm, (void)state_offset;
}

static const struct device_effects redistributors = {
    .open = open_nothing,
    .look = redistributors_look,
    .object = gic_object,
    .store = redistributors_store,
    .stored = gic_stored,
};

static void reset_nothing(uint64_t *word, uint64_t epoch) { (void)word, (void)epoch; }

const struct device_model gic_distributor = {
    .name = "gic-v3",
    .sizes = 1 | 2 | 4 | 8,
    .words = sizeof(struct vgic_state) / 8,
    .reset = gic_reset,
    .effects = &distributor,
};

const struct device_model gic_redistributors = {
    .name = "gic-v3-rd",
    .sizes = 1 | 2 | 4 | 8,
    .reset = reset_nothing,
    .effects = &redistributors,
};
