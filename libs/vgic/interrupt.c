#include "libs/vgic/interrupt.h"

#define ROUTE_ANY (1u << 31)       // GICD_IROUTER.Interrupt_Routing_Mode
#define ROUTE_AFFINITY 0x00ffffffu // Aff2, Aff1, Aff0

unsigned interrupt_look(const struct vgic *vgic, unsigned place) {
    if (!place_test(&place_state(vgic)->given, place) && !place_is_timer(place)) {
        return 0;
    }
    return vgic->look(vgic->context, place_holder(vgic, place), place_intid(place));
}

// The vCPUs that GICD_IROUTER names: a bit for each.
static uint64_t routed(const struct vgic *vgic, unsigned place) {
    unsigned spi = place - PLACE_SHARED;
    uint32_t to = (uint32_t)(place_state(vgic)->route[spi / 2] >> spi % 2 * 32);
    if (to & ROUTE_ANY) {
        return UINT64_MAX;
    }
    return (to & ROUTE_AFFINITY) < VGIC_VCPUS ? 1ull << (to & ROUTE_AFFINITY) : 0;
}

// And GICD_ITARGETSR, which is not there where there is one CPU (IHI 0048, 4.3.12).
static uint64_t listed(const struct vgic *vgic, unsigned place) {
    return vgic->vcpus == 1 ? 1 : place_byte(place_state(vgic)->targets, place - PLACE_SHARED);
}

// Of several any will do: the one that had it last, because it may still have its data at hand.
unsigned interrupt_target(const struct vgic *vgic, unsigned place) {
    uint64_t meant = vgic->version == VGIC_V3 ? routed(vgic, place) : listed(vgic, place);
    meant &= ~place_state(vgic)->asleep & ((1ull << vgic->vcpus) - 1);
    unsigned last = place_holder(vgic, place);
    if (meant >> last & 1) {
        return last;
    }
    return meant ? (unsigned)__builtin_ctzll(meant) : INTERRUPT_NOBODY;
}

void interrupt_forget(struct vgic *vgic, unsigned place) {
    place_put(vgic, &place_state(vgic)->given, place, false);
    place_touch(vgic, place);
}

void interrupt_set_pending(struct vgic *vgic, unsigned place) {
    const struct vgic_state *state = place_state(vgic);
    if (place_is_timer(place)) {
        return; // only the timer itself makes it pending
    }
    // An edge is given without asking: pending and pending again is the same (vgic_next). Of a
    // level-sensitive one the end is reported, and until then nothing more is given.
    if (!place_test(&state->edge, place) && place_test(&state->given, place)) {
        if (interrupt_look(vgic, place) & VGIC_PENDING) {
            place_put(vgic, &state->moved, place, true);
            return;
        }
    }
    place_put(vgic, &state->latch, place, true);
    place_touch(vgic, place);
}

void interrupt_clear_pending(struct vgic *vgic, unsigned place) {
    const struct vgic_state *state = place_state(vgic);
    place_put(vgic, &state->latch, place, false);
    place_put(vgic, &state->moved, place, false);
    place_touch(vgic, place);
}

void interrupt_set_active(struct vgic *vgic, unsigned place) {
    if (!(interrupt_look(vgic, place) & VGIC_ACTIVE)) {
        place_put(vgic, &place_state(vgic)->active, place, true);
        place_touch(vgic, place);
    }
}

void interrupt_clear_active(struct vgic *vgic, unsigned place) {
    const struct vgic_state *state = place_state(vgic);
    place_put(vgic, &state->active, place, false);
    place_put(vgic, &state->drop, place, (interrupt_look(vgic, place) & VGIC_ACTIVE) != 0);
    place_touch(vgic, place);
}
