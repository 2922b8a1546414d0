#include "tests/unit/vgic/model.h"

#include <string.h>

void model_begin(struct model *model, enum vgic_version version, unsigned vcpus) {
    memset(model, 0, sizeof(*model));
    model->version = version;
    model->vcpus = vcpus;
    for (unsigned vcpu = 0; vcpu < vcpus; vcpu++) {
        model->asleep[vcpu] = version == VGIC_V3;
        for (unsigned sgi = 0; sgi < 16; sgi++) {
            model->own[vcpu][sgi].edge = true;
            model->own[vcpu][sgi].enable = version == VGIC_V2;
        }
    }
}

struct model_interrupt *model_find(struct model *model, unsigned vcpu, unsigned intid) {
    return intid < VGIC_PRIVATE ? &model->own[vcpu][intid] : &model->shared[intid - VGIC_PRIVATE];
}

bool model_is_pending(const struct model_interrupt *interrupt) {
    return interrupt->latch || interrupt->senders || (!interrupt->edge && interrupt->line);
}

uint32_t model_targets(struct model *model, unsigned vcpu, unsigned intid) {
    const struct model_interrupt *interrupt = model_find(model, vcpu, intid);
    if (!model->enabled[interrupt->group] || !interrupt->enable || interrupt->active ||
        !model_is_pending(interrupt)) {
        return 0;
    }
    uint32_t targets = 0;
    for (unsigned n = 0; n < model->vcpus; n++) {
        bool is_meant = n == vcpu;
        if (intid >= VGIC_PRIVATE) {
            is_meant = model->version == VGIC_V2
                           ? interrupt->route >> n & 1
                           : interrupt->route >> 31 || (interrupt->route & 0xffffff) == n;
        }
        targets |= is_meant && !model->asleep[n] ? 1u << n : 0;
    }
    return targets;
}

void model_line(struct model *model, unsigned vcpu, unsigned intid, bool level) {
    struct model_interrupt *interrupt = model_find(model, vcpu, intid);
    if (interrupt->edge && level && !interrupt->line) {
        interrupt->latch = true;
    }
    interrupt->line = level;
}

void model_acknowledge(struct model *model, unsigned vcpu, unsigned intid, unsigned sender) {
    struct model_interrupt *interrupt = model_find(model, vcpu, intid);
    interrupt->active = true;
    interrupt->holder = vcpu;
    interrupt->latch = false;
    interrupt->senders &= ~(1u << sender);
}

void model_end(struct model *model, unsigned vcpu, unsigned intid) {
    struct model_interrupt *interrupt = model_find(model, vcpu, intid);
    if (interrupt->active && interrupt->holder == vcpu) {
        interrupt->active = false;
    }
}
