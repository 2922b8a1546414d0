#include "libs/vgic/sgi.h"

#include "libs/vgic/interrupt.h"

#define SENDER_BITS 4

static bool has_sender(const struct vgic *vgic, unsigned place) {
    return vgic->version == VGIC_V2 && !place_is_shared(place) && place_intid(place) < VGIC_SGIS;
}

static unsigned index_of(unsigned place) {
    return place / VGIC_PRIVATE * VGIC_SGIS + place_intid(place);
}

static uint8_t latched(const struct vgic *vgic, unsigned place) {
    return place_byte(place_state(vgic)->senders, index_of(place));
}

static void latch(struct vgic *vgic, unsigned place, uint32_t senders) {
    const struct vgic_state *state = place_state(vgic);
    place_put_byte(vgic, state->senders, index_of(place), (uint8_t)senders);
    place_put(vgic, &state->latch, place, senders != 0);
    place_touch(vgic, place);
}

// Whose was given to a list register last.
static unsigned given(const struct vgic *vgic, unsigned place) {
    uint64_t word = place_state(vgic)->sender[place / VGIC_PRIVATE];
    return word >> place_intid(place) * SENDER_BITS & (VGIC_V2_VCPUS - 1);
}

// Whose is pending in a list register: a bit, or none.
static uint32_t held(const struct vgic *vgic, unsigned place) {
    return interrupt_look(vgic, place) & VGIC_PENDING ? 1u << given(vgic, place) : 0;
}

void sgi_send(struct vgic *vgic, unsigned place, uint32_t senders) {
    latch(vgic, place, latched(vgic, place) | (senders & ~held(vgic, place)));
}

void sgi_withdraw(struct vgic *vgic, unsigned place, uint32_t senders) {
    latch(vgic, place, latched(vgic, place) & ~senders);
    if (senders >> given(vgic, place) & 1) {
        place_put(vgic, &place_state(vgic)->moved, place, false);
    }
}

uint32_t sgi_pending(const struct vgic *vgic, unsigned place) {
    return latched(vgic, place) | held(vgic, place);
}

unsigned sgi_sender(const struct vgic *vgic, unsigned place) {
    return has_sender(vgic, place)
               ? (unsigned)__builtin_ctz(latched(vgic, place) | 1u << VGIC_V2_VCPUS) % VGIC_V2_VCPUS
               : 0;
}

void sgi_give(struct vgic *vgic, unsigned place) {
    if (!has_sender(vgic, place)) {
        return;
    }
    const uint64_t *word = &place_state(vgic)->sender[place / VGIC_PRIVATE];
    unsigned sender = sgi_sender(vgic, place), shift = place_intid(place) * SENDER_BITS;
    uint64_t mask = (1ull << SENDER_BITS) - 1;
    place_set(vgic, word, (*word & ~(mask << shift)) | (uint64_t)sender << shift);
    latch(vgic, place, latched(vgic, place) & ~(1u << sender));
}

void sgi_take_back(struct vgic *vgic, unsigned place) {
    if (has_sender(vgic, place)) {
        latch(vgic, place, latched(vgic, place) | 1u << given(vgic, place));
    }
}
