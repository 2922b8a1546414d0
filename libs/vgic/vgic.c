#include "libs/vgic/vgic.h"

#include <string.h>

#include "libs/vgic/interrupt.h"

void vgic_reset(struct vgic_state *initial, enum vgic_version version) {
    memset(initial, 0, sizeof(*initial));
    initial->asleep = version == VGIC_V3 ? (1u << VGIC_VCPUS) - 1 : 0;
    for (unsigned w = 0; w < PLACE_SHARED / 64; w++) {
        uint64_t own = (1u << VGIC_SGIS) - 1, sgis = own | own << VGIC_PRIVATE;
        if (version == VGIC_V3) {
            initial->edge.word[w] = sgis;
        } else {
            initial->enable.word[w] = sgis; // for ever: 4.3.5
        }
    }
}

void vgic_open(struct vgic *vgic, enum vgic_version version, struct state *state, uint32_t at,
               uint32_t vcpus, vgic_look *look, void *context) {
    *vgic = (struct vgic){.state = state,
                          .at = at,
                          .version = version,
                          .vcpus = vcpus,
                          .look = look,
                          .context = context};
    place_touch_all(vgic);
}

void vgic_sgi(struct vgic *vgic, unsigned vcpu, uint64_t value) {
    unsigned intid = value >> 24 & 15;
    uint32_t all = (1u << vgic->vcpus) - 1;
    uint32_t targets = all & ~(1u << vcpu);
    bool is_list = !(value >> 40 & 1); // IRM
    if (is_list) {
        // Aff3, RS, Aff2, Aff1: all vCPUs are in the first range of affinity 0.0.0.
        bool is_ours = (value & 0x00fff0ff00ff0000) == 0;
        targets = is_ours ? all & value & 0xffff : 0;
    }
    for (; targets; targets &= targets - 1) {
        interrupt_set_pending(vgic, place_of((unsigned)__builtin_ctz(targets), intid));
    }
}

void vgic_line(struct vgic *vgic, unsigned intid, unsigned vcpu, bool level) {
    bool is_own = intid >= VGIC_SGIS && intid < VGIC_PRIVATE && intid != VGIC_TIMER;
    if (intid >= VGIC_INTIDS || (intid < VGIC_PRIVATE && (!is_own || vcpu >= vgic->vcpus))) {
        return;
    }
    const struct vgic_state *state = place_state(vgic);
    unsigned place = place_of(vcpu, intid);
    if (place_test(&state->line, place) == level) {
        return;
    }
    place_put(vgic, &state->line, place, level);
    if (place_test(&state->edge, place)) {
        if (level) {
            interrupt_set_pending(vgic, place);
        }
    } else {
        place_touch(vgic, place);
    }
}

void vgic_ended(struct vgic *vgic, unsigned vcpu, unsigned intid) {
    if (vcpu >= vgic->vcpus || intid >= VGIC_INTIDS) {
        return;
    }
    unsigned place = place_of(vcpu, intid);
    // It may have been given again since.
    if (place_holder(vgic, place) == vcpu && interrupt_look(vgic, place) == 0) {
        interrupt_forget(vgic, place);
    }
}
